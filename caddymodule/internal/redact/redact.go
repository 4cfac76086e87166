// SPDX-License-Identifier: Apache-2.0

// Package redact keeps credentials out of what comes back: an upstream may repeat
// what it was sent in any header of its response, and an error may quote a response
// that is none.
//
// A body that repeats one passes as it is.
package redact

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
)

// Mark stands where a credential stood. It is Caddy's word for the same.
const Mark = "REDACTED"

// Credential is the value that a request is known by at the Upload API: a
// signature or an access token. It may be known only when the request is under
// way, and is used from several goroutines. The zero value is none, and so is nil.
type Credential struct {
	// Before is one that the same upload left with before, or nil.
	Before *Credential
	// Clients says that it is the client's own, which its response may repeat to it.
	// Only logs are to have nothing of it.
	Clients bool

	value string
	known atomic.Bool // value is set, and does not change any more
}

// Set makes value the one that is kept out. It is called once at most.
func (c *Credential) Set(value string) {
	c.value = value
	c.known.Store(true)
}

// Text returns text with [Mark] in place of the credential, in whatever case.
func (c *Credential) Text(text string) string {
	for ; c != nil; c = c.Before {
		if c.known.Load() && c.value != "" {
			text = replaceFold(text, c.value)
		}
	}
	return text
}

// replaceFold puts [Mark] in place of value, of which letters may be in either case: a
// header's name is written in another than it came in.
func replaceFold(text, value string) string {
	for from := 0; len(text)-from >= len(value); {
		switch {
		case strings.EqualFold(text[from:from+len(value)], value):
			text = text[:from] + Mark + text[from+len(value):]
			from += len(Mark)
		default:
			from++
		}
	}
	return text
}

// Header puts [Mark] in place of the credential in every value of header, which
// may be a trailer. A field with the credential in its name is taken out.
func (c *Credential) Header(header http.Header) {
	if c == nil || c.Clients {
		return
	}
	for name, values := range header {
		if c.Text(name) != name {
			delete(header, name)
			continue
		}
		cloned := false
		for i, value := range values {
			redacted := c.Text(value)
			if redacted == value {
				continue
			}
			if !cloned { // others may read the old ones
				values, cloned = slices.Clone(values), true
				header[name] = values
			}
			values[i] = redacted
		}
	}
}

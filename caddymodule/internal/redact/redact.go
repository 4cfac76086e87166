// SPDX-License-Identifier: Apache-2.0

// Package redact removes a request's credential from what comes back and from what
// is logged. The client must not learn it, and an operator's log must not hold it
// (invariant 8): but an upstream may repeat what it was sent in a header of its
// response (`Location: /?signature=...`), and the error for a malformed response
// quotes that response.
//
// A response's body passes as it is: bytes of files must not change.
package redact

import (
	"math"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
)

// Mark replaces a credential. Caddy's logs use the same word.
const Mark = "REDACTED"

// Credential is the secret value of one request: a signature or an access token. It
// may become known while the request is under way (a form gets it at its end), and
// is safe for concurrent use. The zero value redacts nothing, and neither does nil.
type Credential struct {
	// Before is the credential of an earlier attempt of the same upload, or nil. It
	// is redacted, too.
	Before *Credential
	// Clients says that the client itself sent it. Then a response may repeat it, and
	// only logs are redacted.
	Clients bool

	value string
	known atomic.Bool // value has been set, and does not change any more
}

// Set sets the value to redact. It must be called once at most.
func (c *Credential) Set(value string) {
	c.value = value
	c.known.Store(true)
}

// Text returns text with [Mark] in place of the credential, in upper or lower case.
func (c *Credential) Text(text string) string {
	for ; c != nil; c = c.Before {
		if c.known.Load() && c.value != "" {
			text = replaceFold(text, c.value)
		}
	}
	return text
}

// replaceFold replaces value with [Mark], without regard to case: net/http writes the
// name of a header in canonical case, and a signature may stand in one.
func replaceFold(text, value string) string {
	for from := 0; len(text)-from >= len(value); {
		if !strings.EqualFold(text[from:from+len(value)], value) {
			from++
			continue
		}
		text = text[:from] + Mark + text[from+len(value):]
		if len(value) <= len(Mark) { // as no credential is: it could be a part of the mark
			from += len(Mark)
		} else { // with what stands beside it, the mark's letters may be a credential again
			from = max(0, from-len(value)+1)
		}
	}
	return text
}

// shortest returns the length of the shortest text that Text may change.
func (c *Credential) shortest() int {
	shortest := math.MaxInt
	for ; c != nil; c = c.Before {
		if c.known.Load() && c.value != "" {
			shortest = min(shortest, len(c.value))
		}
	}
	return shortest
}

// Header redacts every value of a header or trailer, in place. A field whose name
// contains the credential is removed.
func (c *Credential) Header(header http.Header) {
	if c == nil || c.Clients {
		return
	}
	shortest := c.shortest()
	for name, values := range header {
		if len(name) >= shortest && c.Text(name) != name {
			delete(header, name)
			continue
		}
		cloned := false
		for i, value := range values {
			if len(value) < shortest { // as nearly always
				continue
			}
			redacted := c.Text(value)
			if redacted == value {
				continue
			}
			if !cloned { // a log or trace may share the slice, and be reading it
				values, cloned = slices.Clone(values), true
				header[name] = values
			}
			values[i] = redacted
		}
	}
}

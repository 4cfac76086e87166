// SPDX-License-Identifier: Apache-2.0

// Package redact keeps the credential that a request left with out of what comes
// back: an upstream may repeat what it was sent in any header of its response,
// and an error may quote a response that is none.
//
// A body that repeats it passes as it is.
package redact

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
)

// Mark stands where a credential stood. It is Caddy's word for the same.
const Mark = "REDACTED"

// Credential is the value that a request is known by at the Upload API: a
// signature or an access token. It may be known only when the request is under
// way, and is used from several goroutines. The zero value is none.
type Credential struct {
	value string
	known atomic.Bool // value is set, and does not change any more
}

// Set makes value the one that is kept out. It is called once at most.
func (c *Credential) Set(value string) {
	c.value = value
	c.known.Store(true)
}

// get returns the value, or nothing if there is none.
func (c *Credential) get() string {
	if c == nil || !c.known.Load() {
		return ""
	}
	return c.value
}

// Header puts [Mark] in place of the credential in every value of header, which
// may be a trailer. A field with the credential in its name, in whatever case, is
// taken out.
func (c *Credential) Header(header http.Header) {
	value := c.get()
	if value == "" {
		return
	}
	for name, values := range header {
		if len(name) >= len(value) && strings.Contains(strings.ToLower(name), strings.ToLower(value)) {
			delete(header, name)
			continue
		}
		cloned := false
		for i, text := range values {
			if len(text) < len(value) || !strings.Contains(text, value) {
				continue
			}
			if !cloned { // others may read the old ones
				values, cloned = slices.Clone(values), true
				header[name] = values
			}
			values[i] = strings.ReplaceAll(text, value, Mark)
		}
	}
}

// Error returns err with a text that does not quote the credential; err itself
// if it does not.
func (c *Credential) Error(err error) error {
	value := c.get()
	if err == nil || value == "" {
		return err
	}
	text := err.Error()
	if !strings.Contains(text, value) {
		return err
	}
	return &redacted{text: strings.ReplaceAll(text, value, Mark), error: err}
}

// redacted is an error with another text.
type redacted struct {
	error
	text string
}

// Error implements error.
func (e *redacted) Error() string { return e.text }

// Unwrap returns the error whose text is another.
func (e *redacted) Unwrap() error { return e.error }

// Timeout implements [net.Error], of which Caddy's proxy makes a status, and for
// which it does not look below.
func (e *redacted) Timeout() bool {
	timeout, ok := e.error.(net.Error) //nolint:errorlint // as the proxy does
	return ok && timeout.Timeout()
}

// Temporary implements [net.Error].
func (e *redacted) Temporary() bool {
	temporary, ok := e.error.(interface{ Temporary() bool }) //nolint:errorlint // the same
	return ok && temporary.Temporary()
}

// Interface guard
var _ net.Error = (*redacted)(nil)

// Response keeps the credential out of what came of the request that left with it.
// Its results are those that it is given.
func (c *Credential) Response(response *http.Response, err error) (*http.Response, error) {
	if err != nil || c == nil {
		return response, c.Error(err)
	}
	c.Header(response.Header)
	canHaveTrailer := response.ContentLength < 0 || response.ProtoMajor > 1 // which an error may quote
	if canHaveTrailer && response.StatusCode != http.StatusSwitchingProtocols {
		response.Body = &body{response.Body, c}
	}
	return response, nil
}

// body is one whose errors do not quote a credential.
type body struct {
	io.ReadCloser
	credential *Credential
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil || err == io.EOF { //nolint:errorlint // readers return io.EOF itself
		return n, err
	}
	return n, b.credential.Error(err)
}

// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"io"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
)

// answerWriter sees an answer on its way to the client.
type answerWriter struct {
	*caddyhttp.ResponseWriterWrapper
	// body is the upload that is answered, or nil. It keeps the proxy from
	// answering for a client that it takes to be gone, when it was the body
	// that could not be passed on.
	body *multipartBody
	// origin is the one that may read the answer, or empty for what the
	// upstream says.
	origin string
	// signed says that the request left with a credential, which the upstream
	// may give back in a redirect.
	signed bool
	// incoming is the body that the client may still be sending, or nil.
	incoming *incomingBody
	begun    bool // the final answer has begun
	dropped  bool // what is written is the proxy's answer in place of ours
}

// WriteHeader implements [http.ResponseWriter].
func (a *answerWriter) WriteHeader(status int) {
	if status == statusClientClosedRequest && a.body != nil && a.body.refusal.Load() != nil {
		a.dropped = true
		return
	}
	if status >= http.StatusOK {
		a.begin()
	}
	a.ResponseWriterWrapper.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (a *answerWriter) Write(p []byte) (int, error) {
	if a.dropped {
		return len(p), nil
	}
	a.begin()
	return a.ResponseWriterWrapper.Write(p)
}

// ReadFrom implements [io.ReaderFrom].
func (a *answerWriter) ReadFrom(r io.Reader) (int64, error) {
	if a.dropped {
		return io.Copy(io.Discard, r)
	}
	a.begin()
	return a.ResponseWriterWrapper.ReadFrom(r)
}

func (a *answerWriter) begin() {
	if a.begun {
		return
	}
	a.begun = true
	header := a.Header()
	if a.origin != "" {
		allowOrigin(header, a.origin)
	}
	if a.signed {
		stripLocation(header)
	}
	if a.incoming.left() && a.incoming.http1 {
		// What is not read off of the body must not be taken for the next
		// request.
		header.Set("Connection", "close")
	}
}

// stripLocation takes a credential out of the addresses that the upstream sends
// the client to.
func stripLocation(header http.Header) {
	for _, name := range []string{"Location", "Content-Location"} {
		address, fragment, hasFragment := strings.Cut(header.Get(name), "#")
		address, query, hasQuery := strings.Cut(address, "?")
		if !hasQuery {
			continue
		}
		if query = form.StripQuery(query, staleFields); query != "" {
			address += "?" + query
		}
		if hasFragment {
			address += "#" + fragment
		}
		header.Set(name, address)
	}
}

// Interface guards
var (
	_ http.ResponseWriter = (*answerWriter)(nil)
	_ io.ReaderFrom       = (*answerWriter)(nil)
)

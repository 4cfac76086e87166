// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"io"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
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
	origin  string
	begun   bool // the final answer has begun
	dropped bool // what is written is the proxy's answer in place of ours
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
	if !a.begun && a.origin != "" {
		allowOrigin(a.Header(), a.origin)
	}
	a.begun = true
}

// Interface guards
var (
	_ http.ResponseWriter = (*answerWriter)(nil)
	_ io.ReaderFrom       = (*answerWriter)(nil)
)

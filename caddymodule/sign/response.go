// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/redact"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// responseWriter sees a response on its way to the client. What may turn out to be
// the rejection of a credential is held back until that is known: once its first byte
// has left, the upload cannot be retried with another credential.
type responseWriter struct {
	caddyhttp.ResponseWriterWrapper
	// body is the form that is being sent, or nil. If it has failed, the proxy takes
	// the request for cancelled and writes 499; see bodyFailed.
	body *multipartBody
	// cors says that the response varies with the page's origin, which is origin, or
	// empty if the client names none.
	cors    bool
	origin  string
	allowed bool // the origin may use the gateway; any other only reads why it may not
	// signed says that the request left with a credential, which the upstream
	// may give back in a redirect, or reject.
	signed bool
	// sent is that credential, or nil.
	sent *redact.Credential
	// incoming is the body that the client may still be sending, or nil.
	incoming *incomingBody
	begun    bool // the final response has begun to leave for the client
	dropped  bool // what is written is discarded: a refusal will take its place
	hijacked bool // the connection is not the server's any more

	// invalid is a status that the upstream has sent and no response can have, or nil.
	invalid *invalidStatusError

	status int       // of the final response; 0 before it
	at     time.Time // when the status came
	held   heldResponse
	// beginning has the first bytes of an error that is not held back: its code becomes the
	// reason of the outcome.
	beginning []byte
	examined  bool // the response may be such an error, whose beginning is kept
	filled    bool // it has a body
}

func newResponseWriter(w http.ResponseWriter, incoming *incomingBody) *responseWriter {
	return &responseWriter{ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, incoming: incoming}
}

// WriteHeader implements [http.ResponseWriter].
func (w *responseWriter) WriteHeader(status int) {
	switch {
	case status == statusClientClosedRequest && w.bodyFailed():
		w.dropped = true
		return
	case status < http.StatusContinue || status > maxStatus:
		// net/http panics over these, and the client would see no response at all.
		if w.status == 0 {
			w.dropped, w.invalid = true, &invalidStatusError{status}
		}
		return
	}
	if status >= http.StatusOK && w.status == 0 {
		w.status, w.at = status, time.Now()
		if w.holdIfRejection(); !w.held.back {
			w.examined = w.signed && uploadapi.CanBeError(status, w.contentType(), nil)
			w.begin()
		}
	}
	if !w.held.back {
		w.sent.Header(w.Header()) // interim responses (RFC 9110, section 15.2) may repeat the credential too
		w.ResponseWriterWrapper.WriteHeader(status)
	}
}

// Write implements [http.ResponseWriter].
func (w *responseWriter) Write(p []byte) (int, error) {
	if w.dropped {
		return len(p), nil
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.filled = w.filled || len(p) > 0
	if w.held.back && w.holdBack(p) {
		return len(p), nil
	}
	w.examine(p)
	return w.ResponseWriterWrapper.Write(p)
}

// ReadFrom implements [io.ReaderFrom], for the server has one that copies with a buffer
// of its own, or has the kernel copy. As long as the response may have to be held back,
// the source is read in small steps, through Write.
func (w *responseWriter) ReadFrom(r io.Reader) (int64, error) {
	if w.dropped {
		return io.Copy(io.Discard, r)
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	var held int64
	for w.held.back || w.examined {
		n, err := io.CopyN(writerOnly{w}, r, holdStep)
		if held += n; err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return held, err
		}
	}
	n, err := w.ResponseWriterWrapper.ReadFrom(r)
	w.filled = w.filled || n > 0
	return held + n, err
}

// FlushError is called by [http.ResponseController]. What is held back is flushed
// once it is let go: a flush now would send the head of a rejection.
func (w *responseWriter) FlushError() error {
	switch {
	case w.dropped:
		return nil
	case w.status == 0:
		w.WriteHeader(http.StatusOK)
	}
	if w.held.back {
		w.held.flush = true
		return nil
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// begin completes the header of the final response, just before it leaves.
func (w *responseWriter) begin() {
	if w.begun {
		return
	}
	w.begun = true
	header := w.Header()
	w.allowOrigin()
	if w.signed {
		stripLocation(header)
	}
	if w.incoming.unfitForReuse() {
		header.Set("Connection", "close")
	}
	if w.incoming.hasMore() {
		// Without full duplex, Go's HTTP/1.1 server reads up to 256 KiB of the body
		// before it sends the response: an early one is late, and a client that waits
		// for 100 Continue before it sends waits for ever. HTTP/2 and HTTP/3 have full
		// duplex always, and return an error here.
		// It is not switched on before: if the next handlers end without a response,
		// or panic, only the server is left to discard the body. In full duplex it may
		// panic over that, or read the next request from the middle of the body
		// (docs/upstream/go-full-duplex.md).
		_ = http.NewResponseController(w.ResponseWriter).EnableFullDuplex()
	}
}

// stripLocation takes credentials out of redirects: an upstream that redirects by
// appending the query it was sent would hand the fresh signature to the client.
func stripLocation(header http.Header) {
	for _, name := range []string{"Location", "Content-Location"} {
		for i, location := range header[name] {
			header[name][i] = stripAddress(location)
		}
	}
}

// stripAddress returns a location without stale fields in its query. It is taken
// apart by hand: url.Parse fails for some that browsers follow, and would spell others
// in another way.
func stripAddress(location string) string {
	address, fragment, hasFragment := strings.Cut(location, "#")
	address, query, hasQuery := strings.Cut(address, "?")
	if !hasQuery {
		return location
	}
	if query = form.StripQuery(query, staleFields); query != "" {
		address += "?" + query
	}
	if hasFragment {
		address += "#" + fragment
	}
	return address
}

// Interface guards
var (
	_ http.ResponseWriter = (*responseWriter)(nil)
	_ io.ReaderFrom       = (*responseWriter)(nil)
)

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
)

// answerWriter sees an answer on its way to the client. What may turn out to be
// the rejection of a credential it holds back until that is known.
type answerWriter struct {
	caddyhttp.ResponseWriterWrapper
	// body is the upload that is answered, or nil. It keeps the proxy from
	// answering for a client that it takes to be gone, when it was the body
	// that could not be passed on. So does incoming if it was cut short.
	body *multipartBody
	// cors says that the answer is another for each page's origin, with the one that
	// may read it, or empty for a client that names none.
	cors    bool
	origin  string
	allowed bool // to do what the request is for, and not only to read why not
	// signed says that the request left with a credential, which the upstream
	// may give back in a redirect, or reject.
	signed bool
	// sent is that credential, or nil.
	sent *redact.Credential
	// incoming is the body that the client may still be sending, or nil.
	incoming *incomingBody
	begun    bool // the final answer has begun
	dropped  bool // what is written is not for the client: there will be another answer
	hijacked bool // the connection is not the server's any more

	// invalid is a status that no response can have, as an upstream may send one.
	invalid *invalidStatusError

	status int       // of the final answer, once it is known
	at     time.Time // when it came
	held   heldAnswer
}

// WriteHeader implements [http.ResponseWriter].
func (a *answerWriter) WriteHeader(status int) {
	switch {
	case status == statusClientClosedRequest && a.bodyFailed():
		a.dropped = true
		return
	case status < http.StatusContinue || status > maxStatus: // for which the server panics
		if a.status == 0 {
			a.dropped, a.invalid = true, &invalidStatusError{status}
		}
		return
	}
	if status >= http.StatusOK && a.status == 0 {
		a.status, a.at = status, time.Now()
		if a.hold(); !a.held.back {
			a.begin()
		}
	}
	if !a.held.back {
		a.sent.Header(a.Header()) // of an interim response too
		a.ResponseWriterWrapper.WriteHeader(status)
	}
}

// Write implements [http.ResponseWriter].
func (a *answerWriter) Write(p []byte) (int, error) {
	if a.dropped {
		return len(p), nil
	}
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.held.back && a.holdMore(p) {
		return len(p), nil
	}
	return a.ResponseWriterWrapper.Write(p)
}

// ReadFrom implements [io.ReaderFrom].
func (a *answerWriter) ReadFrom(r io.Reader) (int64, error) {
	if a.dropped {
		return io.Copy(io.Discard, r)
	}
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	var held int64
	for a.held.back {
		n, err := io.CopyN(writerOnly{a}, r, holdStep)
		if held += n; err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return held, err
		}
	}
	n, err := a.ResponseWriterWrapper.ReadFrom(r)
	return held + n, err
}

// FlushError implements what [http.ResponseController] looks for.
func (a *answerWriter) FlushError() error {
	switch {
	case a.dropped:
		return nil
	case a.status == 0:
		a.WriteHeader(http.StatusOK)
	}
	if a.held.back {
		a.held.flush = true
		return nil
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}

func (a *answerWriter) begin() {
	if a.begun {
		return
	}
	a.begun = true
	header := a.Header()
	a.allowOrigin()
	if a.signed {
		stripLocation(header)
	}
	if a.incoming.litters() {
		header.Set("Connection", "close")
	}
	if a.incoming.left() {
		// Otherwise the server reads on before it sends the response, and a client
		// that waits for 100 Continue waits for ever. Later versions of HTTP need no
		// such thing and say so. Not before there is a
		// response: the server alone takes care of a body that is left by those
		// who end without one, or panic, and would panic itself over the rest.
		_ = http.NewResponseController(a.ResponseWriter).EnableFullDuplex()
	}
}

// stripLocation takes a credential out of the addresses that the upstream sends
// the client to.
func stripLocation(header http.Header) {
	for _, name := range []string{"Location", "Content-Location"} {
		for i, location := range header[name] {
			header[name][i] = stripAddress(location)
		}
	}
}

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
	_ http.ResponseWriter = (*answerWriter)(nil)
	_ io.ReaderFrom       = (*answerWriter)(nil)
)

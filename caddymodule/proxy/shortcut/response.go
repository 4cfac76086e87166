// SPDX-License-Identifier: Apache-2.0

package shortcut

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/hop"
)

// responseBuffer is how much of a response is read at a time, in bytes. Responses to
// uploads are smaller; Caddy's proxy has 32 KiB for each.
const responseBuffer = 4 << 10

// errWriting marks a failure towards the client, for which the upstream is not to blame.
var errWriting = errors.New("writing")

// respond passes the response on to the client. It panics with [http.ErrAbortHandler],
// as Caddy's proxy does, if the body breaks off.
func (e *exchange) respond() {
	response := e.response
	// Handlers around this one count bytes and responses in their writers, and one that
	// panics must not leave the connection to the upstream open.
	defer func() {
		if e.duration == 0 { // a writer of another handler panicked
			e.end(false)
			_ = response.Body.Close()
		}
	}()
	e.log(zap.Object("headers", caddyhttp.LoggableHTTPHeader{Header: response.Header, ShouldLogCredentials: e.logsCredentials()}),
		zap.Int("status", response.StatusCode))
	e.passHeader()
	// Until the body has been read, Trailer has only the names that were announced.
	announced := len(response.Trailer)
	if announced > 0 {
		e.w.Header().Add("Trailer", strings.Join(slices.Sorted(maps.Keys(response.Trailer)), ", "))
	}
	e.w.WriteHeader(response.StatusCode)
	err := e.passBody()
	_ = response.Body.Close()
	if err != nil { // too late for a status: the header has been sent
		e.abort(err)
	}
	e.end(true)
	e.passTrailer(announced)
}

// passHeader copies the response's header.
func (e *exchange) passHeader() {
	header := e.w.Header()
	delete(header, "Server") // Caddy's: the upstream's is passed on, and Via names Caddy (Caddy issue 6275)
	addVia(header, e.response.ProtoMajor, e.response.ProtoMinor)
	hop.AddEndToEnd(header, e.response.Header)
}

// passBody copies the body. It flushes after each piece if the response may be a stream
// that the client evaluates as it comes.
func (e *exchange) passBody() error {
	flush := func() {}
	if streams(e.response) {
		flush = func() { _ = http.NewResponseController(e.w).Flush() }
	}
	// A buffer no larger than the body: most responses to uploads have some 50 bytes.
	size := int64(responseBuffer)
	if length := e.response.ContentLength; length > 0 {
		size = min(size, length)
	}
	flush() // the header, for the first event of a stream may take long
	for buf := make([]byte, size); ; {
		n, err := e.response.Body.Read(buf)
		if n > 0 {
			if _, err := e.w.Write(buf[:n]); err != nil {
				// What is left in the body is given up, since no client is left to read it.
				return fmt.Errorf("%w: %w", errWriting, err)
			}
			flush()
		}
		switch {
		case err == io.EOF: //nolint:errorlint // readers return io.EOF itself
			return nil
		case err != nil:
			return fmt.Errorf("reading: %w", err)
		}
	}
}

// streams reports whether a response must not be held back in buffers, by the rules of
// Caddy's proxy.
func streams(response *http.Response) bool {
	return response.ContentLength < 0 || caddyhttp.IsIncremental(response.Header) ||
		strings.Contains(strings.ToLower(response.Header.Get("Content-Type")), "text/event-stream")
}

// passTrailer copies the trailer. announced is how many of its fields the Trailer header
// named; net/http sends others only with a prefix.
func (e *exchange) passTrailer(announced int) {
	if len(e.response.Trailer) == 0 {
		return
	}
	// Without a flush, net/http would send a Content-Length, and then no trailer.
	_ = http.NewResponseController(e.w).Flush()
	// If some were not announced, all get the prefix, as in net/http/httputil.
	prefix := ""
	if len(e.response.Trailer) != announced {
		prefix = http.TrailerPrefix
	}
	header := e.w.Header()
	for name, values := range e.response.Trailer {
		header[prefix+name] = append(header[prefix+name], values...)
	}
}

// abort ends a response that has begun and cannot be completed. A regular end would make
// an incomplete response look complete, so the connection or stream is reset.
func (e *exchange) abort(err error) {
	e.end(false)
	// The level and text are those of Caddy's proxy, for alerts that match its lines.
	level := zapcore.WarnLevel
	if e.request.ProtoMajor == 3 && e.request.Context().Err() != nil && errors.Is(err, errWriting) {
		level = zapcore.DebugLevel // the client has cancelled: over HTTP/3 that shows as a failed write
	}
	if check := e.logger.Check(level, "aborting with incomplete response"); check != nil {
		check.Write(append(e.fields(), zap.Error(err))...)
	}
	_ = http.NewResponseController(e.w).Flush() // otherwise the client might get no part of it at all
	panic(http.ErrAbortHandler)
}

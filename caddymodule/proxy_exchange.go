// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// maxShortAnswer is the largest body of an answer that takes the shortcut back,
// in bytes: all of it has come before any of it goes on.
const maxShortAnswer = 4 << 10

// exchange is a request by a shortcut, and its answer.
type exchange struct {
	*shortcut
	w        http.ResponseWriter
	replacer *caddy.Replacer
	request  *http.Request
	form     *multipartBody // of the request
	interim  interimAnswers
	began    time.Time

	response *http.Response
	body     []byte // of the response, as far as it has come
	bodyErr  error  // why it has broken off
	latency  time.Duration
	duration time.Duration // of all of it, once it has ended
	whole    bool          // it has not been aborted
}

// roundTrip sends the request, and waits for the header of the answer.
func (e *exchange) roundTrip() (err error) {
	e.response, err = e.transport.RoundTrip(e.request) //nolint:bodyclose // by who passes it on
	e.latency = time.Since(e.began)
	e.interim.end()
	return err
}

// fail ends an exchange without an answer, as Caddy's proxy would.
func (e *exchange) fail(err error) error {
	e.end(true)
	e.log(zap.Error(err))
	if errors.Is(err, context.Canceled) {
		e.w.WriteHeader(statusClientClosedRequest)
		return nil
	}
	timeout, ok := err.(net.Error) //nolint:errorlint // not what it wraps
	switch {
	case strings.Contains(err.Error(), "operation was canceled"): // so says a dial
		return caddyhttp.Error(statusClientClosedRequest, err)
	case ok && timeout.Timeout():
		return caddyhttp.Error(http.StatusGatewayTimeout, err)
	}
	return caddyhttp.Error(http.StatusBadGateway, err)
}

// readAnswer reads the body of the answer. If there is more to the answer, it
// leaves it as if nothing had been read, and reports false.
func (e *exchange) readAnswer() bool {
	response := e.response
	if response.StatusCode < http.StatusOK || response.ContentLength > maxShortAnswer || len(response.Trailer) > 0 || len(response.Header["Incremental"]) > 0 {
		return false
	}
	size := 512
	if response.ContentLength >= 0 {
		size = int(response.ContentLength) + 1 // to see its end
	} else if !e.form.ended.Load() { // the answer is early, and goes on as it comes
		return false
	}
	e.body = make([]byte, 0, size)
	for {
		n, err := response.Body.Read(e.body[len(e.body):cap(e.body)])
		e.body = e.body[:len(e.body)+n]
		switch {
		case len(response.Trailer) > 0:
			response.Body = rereadBody{bytes.NewReader(e.body), response.Body}
			return false
		case err != nil:
			if err != io.EOF { //nolint:errorlint // readers return io.EOF itself
				e.bodyErr = err
			}
			return true
		case len(e.body) > maxShortAnswer:
			response.Body = rereadBody{io.MultiReader(bytes.NewReader(e.body), response.Body), response.Body}
			return false
		case len(e.body) == cap(e.body):
			e.body = append(e.body, 0)[:len(e.body)]
		}
	}
}

// rereadBody is a body some of which has been read before.
type rereadBody struct {
	io.Reader
	io.Closer
}

// answer passes the answer on.
func (e *exchange) answer() {
	defer func() { e.end(e.bodyErr == nil) }()
	_ = e.response.Body.Close()
	e.log(zap.Object("headers", caddyhttp.LoggableHTTPHeader{Header: e.response.Header, ShouldLogCredentials: e.logsCredentials()}),
		zap.Int("status", e.response.StatusCode))
	header, nominations := e.w.Header(), e.response.Header["Connection"]
	delete(header, "Server") // Via tells of it
	addVia(header, e.response.ProtoMajor, e.response.ProtoMinor)
	for name, values := range e.response.Header {
		if !isEndToEnd(name, nominations) {
			continue
		}
		if before := header[name]; len(before) > 0 {
			values = append(before, values...)
		}
		header[name] = values
	}
	e.w.WriteHeader(e.response.StatusCode)
	if len(e.body) > 0 {
		if _, err := e.w.Write(e.body); err != nil {
			e.bodyErr = err
		}
	}
	if e.bodyErr != nil { // and the header has gone
		e.logger.With(e.fields()...).Warn("aborting with incomplete response", zap.Error(e.bodyErr))
		_ = http.NewResponseController(e.w).Flush() // so that the client sees that it is
		panic(http.ErrAbortHandler)
	}
}

func (e *exchange) end(whole bool) {
	e.duration, e.whole = time.Since(e.began), whole
}

// log tells of the round trip, at debug level.
func (e *exchange) log(fields ...zap.Field) {
	if check := e.logger.Check(zap.DebugLevel, "upstream roundtrip"); check != nil {
		check.Write(append(e.fields(), fields...)...)
	}
}

func (e *exchange) fields() []zap.Field {
	return []zap.Field{
		zap.String("upstream", e.to.Upstream.String()),
		zap.Duration("duration", e.latency),
		zap.Object("request", caddyhttp.LoggableHTTPRequest{Request: e.request, ShouldLogCredentials: e.logsCredentials()}),
	}
}

func (e *exchange) logsCredentials() bool {
	server, ok := e.request.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	return ok && server.Logs != nil && server.Logs.ShouldLogCredentials
}

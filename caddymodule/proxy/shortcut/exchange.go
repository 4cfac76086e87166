// SPDX-License-Identifier: Apache-2.0

package shortcut

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
)

// exchange is one request that takes the shortcut, and its response.
type exchange struct {
	*shortcut
	w       http.ResponseWriter
	request *http.Request            // as it is sent
	interim interimResponses         // part of the exchange, to save an allocation
	latest  atomic.Pointer[exchange] // the one that retries the same upload, if any

	// Placeholders read these, also after the exchange: access logs are written then.
	began    time.Time
	response *http.Response
	latency  time.Duration // until the response's header
	duration time.Duration // of the whole exchange; 0 until it has ended
	whole    bool          // it has ended without being aborted
}

var errUnexpectedProtocol = errors.New("the upstream switches to another protocol unasked")

// roundTrip sends the request, and waits for the header of the response.
func (e *exchange) roundTrip() error {
	response, err := e.transport.RoundTrip(e.request) //nolint:bodyclose // by respond
	// Measured here, since end waits for an interim response that is being written.
	latency := time.Since(e.began)
	e.interim.end() // before e.response is set, which placeholders read without a lock
	if err == nil && response.StatusCode == http.StatusSwitchingProtocols {
		// Caddy's proxy logs this at debug level and returns, so that the client would
		// get an empty 200 for an upload that is lost.
		_ = response.Body.Close()
		response, err = nil, errUnexpectedProtocol
	}
	e.response, e.latency = response, latency
	return err
}

// fail ends an exchange without a response, with the status that Caddy's proxy would
// choose (statusError in its reverseproxy.go).
func (e *exchange) fail(err error) error {
	e.end(true)
	e.log(zap.Error(err))
	// Caddy's proxy writes this status itself, so that error routes are not run for a
	// client that is gone.
	if errors.Is(err, context.Canceled) {
		e.w.WriteHeader(handover.StatusClientClosedRequest)
		return nil
	}
	// statusError does not unwrap either. A timeout within another error is a 502.
	timeout, ok := err.(net.Error) //nolint:errorlint // see above
	switch {
	case strings.Contains(err.Error(), "operation was canceled"): // net's text for a dial whose context has ended
		return caddyhttp.Error(handover.StatusClientClosedRequest, err)
	case ok && timeout.Timeout():
		return caddyhttp.Error(http.StatusGatewayTimeout, err)
	}
	return caddyhttp.Error(http.StatusBadGateway, err)
}

// end sets what placeholders and logs report of an exchange that has ended.
func (e *exchange) end(whole bool) {
	e.duration, e.whole = time.Since(e.began), whole
}

// log logs the round trip at debug level, with the message and fields of Caddy's proxy.
func (e *exchange) log(fields ...zap.Field) {
	// Check first: without debug logs, the fields must not cost anything.
	if check := e.logger.Check(zap.DebugLevel, "upstream roundtrip"); check != nil {
		check.Write(append(e.fields(), fields...)...)
	}
}

// fields returns the fields that all log lines of an exchange have.
func (e *exchange) fields() []zap.Field {
	return []zap.Field{
		zap.String("upstream", e.to.Upstream.String()),
		zap.Duration("duration", e.latency),
		zap.Object("request", caddyhttp.LoggableHTTPRequest{Request: e.request, ShouldLogCredentials: e.logsCredentials()}),
	}
}

// logsCredentials reports whether the server has the option log_credentials.
func (e *exchange) logsCredentials() bool {
	server, ok := e.request.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	return ok && server.Logs != nil && server.Logs.ShouldLogCredentials
}

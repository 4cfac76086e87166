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

// exchange is a request by a shortcut, and its response.
type exchange struct {
	*shortcut
	w       http.ResponseWriter
	request *http.Request
	interim interimResponses
	latest  atomic.Pointer[exchange] // for the same request, once it is sent again

	began    time.Time
	response *http.Response
	latency  time.Duration
	duration time.Duration // of all of it, once it has ended
	whole    bool          // it has not been aborted
}

var errUnexpectedProtocol = errors.New("the upstream switches to a protocol that nobody asked for")

// roundTrip sends the request, and waits for the header of the response.
func (e *exchange) roundTrip() error {
	response, err := e.transport.RoundTrip(e.request) //nolint:bodyclose // by respond
	latency := time.Since(e.began)
	e.interim.end() // and whoever passes one on sees nothing of what follows
	if err == nil && response.StatusCode == http.StatusSwitchingProtocols {
		_ = response.Body.Close()
		response, err = nil, errUnexpectedProtocol // and no upload is lost without a word
	}
	e.response, e.latency = response, latency
	return err
}

// fail ends an exchange without a response, as Caddy's proxy would.
func (e *exchange) fail(err error) error {
	e.end(true)
	e.log(zap.Error(err))
	if errors.Is(err, context.Canceled) {
		e.w.WriteHeader(handover.StatusClientClosedRequest)
		return nil
	}
	timeout, ok := err.(net.Error) //nolint:errorlint // not what it wraps
	switch {
	case strings.Contains(err.Error(), "operation was canceled"): // so says a dial
		return caddyhttp.Error(handover.StatusClientClosedRequest, err)
	case ok && timeout.Timeout():
		return caddyhttp.Error(http.StatusGatewayTimeout, err)
	}
	return caddyhttp.Error(http.StatusBadGateway, err)
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

// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// transientError is a failure after which a retry makes sense.
type transientError struct {
	error
	after   time.Duration // the endpoint's Retry-After, or 0
	timeout bool          // there was no whole response in time
}

// Unwrap returns the cause.
func (e *transientError) Unwrap() error { return e.error }

// RetryAfter returns the delay that the endpoint asked for, or 0.
func (e *transientError) RetryAfter() time.Duration { return e.after }

// Timeout reports whether there was no response in time.
func (e *transientError) Timeout() bool { return e.timeout }

// DialError marks an error of a transport that got no connection. It is for
// transports whose own errors are opaque: describe shows the text of a DialError,
// and hides that of an error whose kind it does not know.
type DialError struct{ Err error }

func (e *DialError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *DialError) Unwrap() error { return e.Err }

// transportFailed returns the error of an attempt without a response. Without a
// connection it is [token.ErrUnreachable], for every caller; what an endpoint does with a
// connection may depend on the caller, and must not make all the others wait. An error
// about TLS is final: a certificate does not become valid within seconds.
func (e *Endpoint) transportFailed(ctx context.Context, err error, connection *connection) error {
	failed := errors.New(e.describe(ctx, err))
	unreachable := fmt.Errorf("%w: %w", token.ErrUnreachable, failed)
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &certificate), errors.As(err, &record):
		return unreachable // final
	case connection.isMissing(), isDialError(err):
		return &transientError{error: unreachable}
	default:
		return &transientError{error: failed, timeout: ctx.Err() != nil || isTimeout(err)}
	}
}

// isDialError reports whether there was no connection, if the transport says so: a
// failed dial, a failed proxy, or an alert of TLS, which may come after the handshake.
func isDialError(err error) bool {
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		switch operation.Op {
		case "dial", "proxyconnect", "remote error", "local error":
			return true
		}
	}
	_, ok := errors.AsType[*DialError](err)
	return ok
}

// isTimeout reports whether err is a timeout of the transport.
func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// connection records whether a transport has begun to make a connection, and whether it
// has got one. A trace shows that for any transport of net/http's, whose errors alone do
// not.
type connection struct{ wanted, made atomic.Bool }

// isMissing reports whether no connection could be made.
func (c *connection) isMissing() bool { return c.wanted.Load() && !c.made.Load() }

// watched returns a copy of a request that records its connection in c.
func (c *connection) watched(request *http.Request) *http.Request {
	ctx := request.Context()
	wanted := func() { c.wanted.Store(true) }
	return request.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart:     func(httptrace.DNSStartInfo) { wanted() },
		ConnectStart: func(string, string) { wanted() },
		GotConn: func(httptrace.GotConnInfo) {
			c.made.Store(true)
			token.Reached(ctx)
		},
	}))
}

// describe describes why there was no response. It quotes errors of known kinds
// alone: others could quote the response (net/http's `malformed HTTP response`) or
// the whole address (url.Error).
func (e *Endpoint) describe(ctx context.Context, err error) string {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var dial *DialError
	var operation *net.OpError
	var timeout net.Error
	switch {
	// First: whatever the transport returned then is a consequence of it.
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Sprintf("no response within %s", e.Timeout)
	case errors.As(err, &certificate):
		return certificate.Error()
	case errors.As(err, &record):
		return "it does not speak TLS"
	case errors.As(err, &dial):
		return dial.Error()
	case errors.As(err, &operation):
		return operation.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no response in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection ended before the response"
	default:
		return "what it or a proxy sends is not HTTP"
	}
}

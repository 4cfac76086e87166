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

// passingError is a failure that may be over when the endpoint is asked again.
type passingError struct {
	error
	after   time.Duration // not before, if the endpoint said so
	timeout bool          // there was no whole answer in time
}

func (e *passingError) Unwrap() error { return e.error }

// RetryAfter returns how long the endpoint wants to be left alone, or 0.
func (e *passingError) RetryAfter() time.Duration { return e.after }

// Timeout reports whether there was no answer in time.
func (e *passingError) Timeout() bool { return e.timeout }

// DialError marks an error of a transport that got no connection. Transports
// need not use it; it is for those whose own errors cannot be looked into. Its
// text is shown.
type DialError struct{ Err error }

func (e *DialError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *DialError) Unwrap() error { return e.Err }

// transportFailed says why there was no answer. Until there is a connection, that
// is so whoever asks; what an endpoint does with one may depend on what it is asked.
func (e *Endpoint) transportFailed(ctx context.Context, err error, connection *connection) error {
	failed := errors.New(e.describe(ctx, err))
	unreachable := fmt.Errorf("%w: %w", token.ErrUnreachable, failed)
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &certificate), errors.As(err, &record):
		return unreachable // and will be the same the next time
	case connection.isMissing(), isDialError(err):
		return &passingError{error: unreachable}
	default:
		return &passingError{error: failed, timeout: ctx.Err() != nil || isTimeout(err)}
	}
}

// isDialError reports whether there was no connection, if the transport says so:
// nobody, no proxy, or an alert of TLS, which may come after the handshake.
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

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// connection is what a transport does to get one.
type connection struct{ wanted, made atomic.Bool }

// isMissing reports whether one could not be made.
func (c *connection) isMissing() bool { return c.wanted.Load() && !c.made.Load() }

// watched returns a request whose connection is watched.
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

// describe says what is wrong with a connection. Errors of a kind that could
// show some of an answer or of an address are not shown.
func (e *Endpoint) describe(ctx context.Context, err error) string {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var dial *DialError
	var operation *net.OpError
	var timeout net.Error
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %s", e.Timeout)
	case errors.As(err, &certificate):
		return certificate.Error()
	case errors.As(err, &record):
		return "it does not speak TLS"
	case errors.As(err, &dial):
		return dial.Error()
	case errors.As(err, &operation):
		return operation.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection ended before the answer"
	default:
		return "what it or a proxy answers is not HTTP"
	}
}

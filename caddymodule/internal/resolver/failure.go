// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// passingError is a failure that may be over when the endpoint is asked again.
type passingError struct {
	error
	after time.Duration // not before, if the endpoint said so
}

func (e *passingError) Unwrap() error { return e.error }

// RetryAfter returns how long the endpoint wants to be left alone, or 0.
func (e *passingError) RetryAfter() time.Duration { return e.after }

// DialError marks an error of a transport that got no connection. Transports
// need not use it; it is for those whose own errors cannot be looked into. Its
// text is shown.
type DialError struct{ Err error }

func (e *DialError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *DialError) Unwrap() error { return e.Err }

// transportFailed says why there was no response.
func (e *Endpoint) transportFailed(ctx context.Context, err error) error {
	failed := fmt.Errorf("%w: %s", token.ErrUnreachable, e.describe(ctx, err))
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &certificate), errors.As(err, &record):
		return failed // and will be the same the next time
	case ctx.Err() == nil && hangsUp(err):
		failed = errors.New(e.describe(ctx, err))
	}
	return &passingError{error: failed}
}

// hangsUp reports whether the endpoint took the connection and ended it. It is
// there, then, and may do so to some callers alone.
func hangsUp(err error) bool {
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		return (operation.Op == "read" || operation.Op == "write") && !operation.Timeout()
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// describe says what is wrong with a connection. Errors of a kind that could
// show some of a response or of an address are not shown.
func (e *Endpoint) describe(ctx context.Context, err error) string {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var dial *DialError
	var operation *net.OpError
	var timeout net.Error
	switch {
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

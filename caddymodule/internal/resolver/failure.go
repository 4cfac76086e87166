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

// transientError is a failure after which a retry makes sense.
type transientError struct {
	error
	after time.Duration // the endpoint's Retry-After, or 0
}

// Unwrap returns the cause.
func (e *transientError) Unwrap() error { return e.error }

// RetryAfter returns the delay that the endpoint asked for, or 0.
func (e *transientError) RetryAfter() time.Duration { return e.after }

// DialError marks an error of a transport that got no connection. It is for
// transports whose own errors are opaque: describe shows the text of a DialError,
// and hides that of an error whose kind it does not know.
type DialError struct{ Err error }

func (e *DialError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *DialError) Unwrap() error { return e.Err }

// transportFailed returns the error of an attempt without a response. One about TLS
// is final: a certificate does not become valid within seconds.
func (e *Endpoint) transportFailed(ctx context.Context, err error) error {
	failed := fmt.Errorf("%w: %s", token.ErrUnreachable, e.describe(ctx, err))
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &certificate), errors.As(err, &record):
		return failed
	case ctx.Err() == nil && hangsUp(err):
		failed = errors.New(e.describe(ctx, err))
	}
	return &transientError{error: failed}
}

// hangsUp reports whether the endpoint accepted the connection and then closed it.
// That is not [token.ErrUnreachable]: it may do so for some callers alone, and must
// not make all the others wait.
func hangsUp(err error) bool {
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		return (operation.Op == "read" || operation.Op == "write") && !operation.Timeout()
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
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

// SPDX-License-Identifier: Apache-2.0

// Package handover is what the handler that signs an upload, the proxy and the
// client below it know of each other. They share the types of this package instead
// of importing one another, and find them in the request's body or context. Each
// treats a request without them as an ordinary one, so that a user's own
// reverse_proxy may stand between them, at the cost of speed alone.
package handover

import (
	"context"
	"io"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/redact"
)

// StatusClientClosedRequest is the status with which Caddy's proxy logs a request
// whose client is gone. It is nginx's, and in no RFC; no client receives it.
const StatusClientClosedRequest = 499

// EditedForm is the body of a signed upload: a form into which a credential is put
// while it is read. By the marker, a proxy recognises an upload that it may send
// the short way.
type EditedForm interface {
	io.ReadCloser
	EditedForm() // a marker, which does nothing
}

// Request is what the signing handler passes on with a request.
type Request struct {
	// Interrupter interrupts the body. It is nil if the request has no body. Of a body
	// whose Read never waits for the client it does nothing.
	Interrupter Interrupter
	// Sent is the credential that the request leaves with, set when that is known:
	// the proxy redacts it in what comes back. It is nil if there is none.
	Sent *redact.Credential
	// Empty says that the body has nothing in it. It is there for its unknown length alone,
	// with which no client of HTTP repeats a GET (RFC 9110, section 9.2.2).
	Empty bool
}

// Interrupter interrupts a Read of a request's body that waits for the client: it
// returns with an error other than io.EOF. So a request can be sent in one
// goroutine, and still end early if the upstream responds early. An interruption
// just before a Read begins may be lost, so it is to be repeated until the Read has
// returned. Interrupt may be called from any goroutine.
type Interrupter interface{ Interrupt() }

type requestKey struct{}

// With returns a copy of a context that carries request.
func With(ctx context.Context, request *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, request)
}

// InterrupterOf returns the interrupter of the request with the given context, or
// nil.
func InterrupterOf(ctx context.Context) Interrupter {
	if request, ok := ctx.Value(requestKey{}).(*Request); ok {
		return request.Interrupter
	}
	return nil
}

// CredentialOf returns the credential that the request with the given context
// leaves with, or nil, whose methods redact nothing.
func CredentialOf(ctx context.Context) *redact.Credential {
	if request, ok := ctx.Value(requestKey{}).(*Request); ok {
		return request.Sent
	}
	return nil
}

// IsEmpty reports whether the body of the request with the given context is empty, though
// its length says that this is not known.
func IsEmpty(ctx context.Context) bool {
	request, ok := ctx.Value(requestKey{}).(*Request)
	return ok && request.Empty
}

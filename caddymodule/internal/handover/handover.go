// SPDX-License-Identifier: Apache-2.0

// Package handover has what those who sign an upload, proxy it and send it know of
// each other.
package handover

import (
	"context"
	"io"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/redact"
)

// StatusClientClosedRequest is what Caddy's proxy says when the client is gone,
// with no one left to read it.
const StatusClientClosedRequest = 499

// EditedForm is the body of an upload: a form into which a credential is put while
// it is read. Its marker says so to who passes it on.
type EditedForm interface {
	io.ReadCloser
	EditedForm() // a marker, which does nothing
}

// Request is what those who sign a request hand over with it.
type Request struct {
	// Interrupter interrupts its body. Nil if there is none, or nothing to wait for.
	Interrupter Interrupter
	// Sent is the credential that it leaves with, once that is known, for who must
	// keep it out of what comes back. Nil if there is none.
	Sent *redact.Credential
}

// Interrupter makes a Read of a request's body that waits for the client return,
// with an error, and without an end of the body. Who sends a request that has one
// can return early if the upstream responds early.
type Interrupter interface{ Interrupt() }

type requestKey struct{}

// With returns a context for a request that is handed over.
func With(ctx context.Context, request *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, request)
}

// InterrupterOf returns what interrupts the body of a request with the given
// context, or nil.
func InterrupterOf(ctx context.Context) Interrupter {
	if request, ok := ctx.Value(requestKey{}).(*Request); ok {
		return request.Interrupter
	}
	return nil
}

// CredentialOf returns the credential that a request with the given context leaves
// with, or nil, which is none.
func CredentialOf(ctx context.Context) *redact.Credential {
	if request, ok := ctx.Value(requestKey{}).(*Request); ok {
		return request.Sent
	}
	return nil
}

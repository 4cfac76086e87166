// SPDX-License-Identifier: Apache-2.0

// Package handover has what those who sign an upload, proxy it and send it know of
// each other.
package handover

import (
	"context"
	"io"
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

// Interrupter is whoever can make a Read of a request's body return that waits
// for the client, with an error, and without an end of the body.
type Interrupter interface{ Interrupt() }

type interrupterKey struct{}

// WithInterrupter returns a context for a request whose body can be interrupted:
// whoever sends it can return early if the upstream responds early.
func WithInterrupter(ctx context.Context, interrupter Interrupter) context.Context {
	return context.WithValue(ctx, interrupterKey{}, interrupter)
}

// InterrupterOf returns who can interrupt the body of a request with the given
// context, or nil.
func InterrupterOf(ctx context.Context) Interrupter {
	interrupter, _ := ctx.Value(interrupterKey{}).(Interrupter)
	return interrupter
}

// SPDX-License-Identifier: Apache-2.0

package upstream

import "context"

// Interrupter is whoever can make a Read of a request's body return that waits
// for the client, with an error, and without an end of the body.
type Interrupter interface{ Interrupt() }

type interrupterKey struct{}

// WithInterrupter returns a context for a request whose body can be interrupted.
// A [Client] sends a small one in the goroutine of its caller, for it can return
// early if the upstream answers early.
func WithInterrupter(ctx context.Context, interrupter Interrupter) context.Context {
	return context.WithValue(ctx, interrupterKey{}, interrupter)
}

func interrupterOf(ctx context.Context) Interrupter {
	interrupter, _ := ctx.Value(interrupterKey{}).(Interrupter)
	return interrupter
}

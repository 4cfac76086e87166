// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"time"
)

// common is what is known of a source for all callers that it tells apart.
type common struct {
	outage outage
	calls  calls
}

// ask returns how long the source must not be asked for a caller, and why. 0
// means that it is asked.
func (c *common) ask(now Reading, held, failing bool) (time.Duration, error) {
	if !held && !c.calls.admit(now) {
		return firstPause, errCrowded
	}
	return c.outage.ask(now, held, failing)
}

// land takes note of what has come of an attempt that began at asked.
func (c *common) land(id Caller, asked, now Reading, err error) {
	switch {
	case errors.Is(err, ErrUnreachable):
		c.outage.add(id, asked, now, err)
	case errors.Is(err, errCrowded):
	case isTimeout(err):
		c.calls.timeOut(asked)
	default:
		c.outage.end(now)
		c.calls.answer(now)
	}
}

// isTimeout reports whether an error is that there was no answer in time.
func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// reachKey is of the context of an attempt, and holds what is called when the
// source is reached.
type reachKey struct{}

// Reached tells whoever asked a source, with that context, that it can be reached:
// there is a connection. Sources need not call it; if they do, an outage ends
// before there is an answer.
func Reached(ctx context.Context) {
	if reached, ok := ctx.Value(reachKey{}).(func()); ok {
		reached()
	}
}

// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"time"
)

// common is what all callers' caches share: what is known about their source.
type common struct {
	outage outage
	calls  calls
}

// ask returns how long the source must not be asked for a caller, and why. 0 means that
// the caller asks.
func (c *common) ask(now Reading, held, failing bool) (time.Duration, error) {
	if !held && !c.calls.admit(now) {
		return firstPause, errCrowded
	}
	return c.outage.ask(now, held, failing)
}

// land records what has come of an attempt that began at asked.
func (c *common) land(id Caller, asked, now Reading, err error) {
	switch {
	case errors.Is(err, ErrUnreachable):
		c.outage.add(id, asked, now, err)
	case errors.Is(err, errCrowded):
	case isTimeout(err):
		c.calls.timeOut(asked)
	default:
		c.outage.reach(now)
		c.calls.respond(now)
	}
}

// isTimeout reports whether err means that no response came in time.
func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// reachKey is the context key of the function that [Reached] calls.
type reachKey struct{}

// Reached records, for the call of a source that has this context, that there is a
// connection. Sources need not call it. If they do, an outage ends with the first
// connection, and a source that then hangs for that caller does not prolong it for all.
func Reached(ctx context.Context) {
	if reached, ok := ctx.Value(reachKey{}).(func()); ok {
		reached()
	}
}

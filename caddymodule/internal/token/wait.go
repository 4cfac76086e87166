// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"time"
)

// errLanded means that a refresh has ended, and may have left a token.
var errLanded = errors.New("there may be a token now")

// miss returns what there is when there is no fresh token. spare says that the
// caller has another from elsewhere.
func (c *Cache) miss(ctx context.Context, source Source, spare bool) (Token, error) {
	flight, token, err := c.join(ctx, source)
	if flight == nil {
		return token, err
	}
	patience := c.patience(flight, spare)
	select {
	case <-ctx.Done():
		return Token{}, ctx.Err()
	case <-flight.landed:
		return c.afterFlight(flight)
	case <-patience:
	}
	if e := c.current.Load(); e != nil && e.isValid(c.clock.Now()) {
		return e.Token, nil
	}
	if spare {
		return Token{}, unavailable(maxWait, ErrSlow)
	}
	select { // the clock was stepped meanwhile
	case <-ctx.Done():
		return Token{}, ctx.Err()
	case <-flight.landed:
		return c.afterFlight(flight)
	}
}

// patience returns a channel that yields when a refresh has taken as long as is
// waited for it, or nil if there is nothing else. A token that is about to
// expire is handed out before it does.
func (c *Cache) patience(flight *flight, spare bool) <-chan time.Time {
	now, e := c.clock.Now(), c.current.Load()
	wait := maxWait - (now.Elapsed - flight.asked.Elapsed)
	if e != nil && e.isValid(now) {
		wait = min(wait, e.left(now)/2)
	} else if !spare || c.hasRefused() {
		return nil
	}
	return time.After(wait)
}

// hasRefused reports whether the source refused a token when it last answered.
func (c *Cache) hasRefused() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}

// afterFlight returns what there is after a refresh.
func (c *Cache) afterFlight(flight *flight) (Token, error) {
	switch {
	case flight.err == nil:
		return Token{}, errLanded
	case errors.Is(flight.err, ErrRefused):
		return Token{}, flight.err
	default:
		return c.makeDo(flight.err)
	}
}

// makeDo returns what there is after a refresh that failed.
func (c *Cache) makeDo(cause error) (Token, error) {
	now := c.clock.Now()
	if e := c.current.Load(); e != nil && e.isValid(now) {
		return e.Token, nil
	}
	pause, _ := c.pause(now)
	return Token{}, unavailable(pause, cause)
}

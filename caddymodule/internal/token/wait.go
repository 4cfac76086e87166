// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"time"
)

// errLanded means that a refresh has ended, and may have left a token.
var errLanded = errors.New("there may be a token now")

// substitute is what an upload is signed with while a refresh takes its time.
type substitute int

const (
	nothing    substitute = iota // it waits
	heldServes                   // the token that there is, if it is valid
	elsewhere                    // or one from elsewhere
)

// miss returns what there is when there is no fresh token.
func (c *Cache) miss(ctx context.Context, source Source, instead substitute) (Token, error) {
	flight, token, err := c.join(ctx, source)
	if flight == nil {
		return token, err
	}
	patience := c.patience(flight, instead)
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
	if instead == elsewhere {
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
func (c *Cache) patience(flight *flight, instead substitute) <-chan time.Time {
	now, e := c.clock.Now(), c.current.Load()
	wait := maxWait - (now.Elapsed - flight.asked.Elapsed)
	if instead == nothing {
		return nil
	}
	if e != nil && e.isValid(now) {
		wait = min(wait, e.left(now)/2)
	} else if instead != elsewhere || c.hasRefused() {
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

// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"time"
)

// errLanded means that a refresh has ended without an error: the caller tries again.
var errLanded = errors.New("there may be a token now")

// substitute is what a caller takes if a refresh takes longer than [maxWait].
type substitute int

const (
	nothing    substitute = iota // it waits to the end
	heldServes                   // the cached token, if that is valid
	elsewhere                    // that, or the caller has one from elsewhere
)

// miss returns a token, or why there is none, when the cache has no fresh one.
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
	select { // the clock was stepped meanwhile, and the token that was valid has expired
	case <-ctx.Done():
		return Token{}, ctx.Err()
	case <-flight.landed:
		return c.afterFlight(flight)
	}
}

// patience returns a channel that yields when the caller has waited long enough for a
// refresh, or nil, which never does, if there is no substitute. A token that is about to
// expire is handed out when half of what is left of it has passed, and not after it.
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

// hasRefused reports whether the source's last response was a refusal.
func (c *Cache) hasRefused() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}

// afterFlight returns what a caller that waited for a refresh gets after it.
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

// makeDo returns the cached token after a refresh that failed, if it is valid.
func (c *Cache) makeDo(cause error) (Token, error) {
	now := c.clock.Now()
	if e := c.current.Load(); e != nil && e.isValid(now) {
		return e.Token, nil
	}
	pause, _ := c.pause(now)
	return Token{}, unavailable(pause, cause)
}

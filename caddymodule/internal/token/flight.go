// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"math"
	"time"
)

var errPanicked = errors.New("the source panicked")

// flight is a refresh under way.
type flight struct {
	asked  Reading
	stale  bool          // its result is discarded: the source makes other tokens now, or the time is another
	landed chan struct{} // closed at its end
	err    error         // set when it has landed; nil if there may be a token now
	call   *call         // its entry among the bounded calls; nil if its caller has a token
}

// renew begins a refresh without waiting for it. The entry begins no other renewal until
// the refresh has landed.
func (c *Cache) renew(ctx context.Context, e *entry, source Source) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flight != nil || c.current.Load() != e { // one is under way, or has just landed
		return
	}
	now := c.clock.Now()
	if pause, _ := c.begin(ctx, source, now); c.flight == nil {
		c.postpone(now, pause)
	}
}

// join returns the refresh to wait for; or, if there is no reason to wait, a valid token
// or the error to return at once.
func (c *Cache) join(ctx context.Context, source Source) (*flight, Token, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	e := c.current.Load()
	if e != nil && e.at(now) < e.useUntil { // one has just landed
		return nil, e.Token, nil
	}
	others := c.flight != nil
	pause, cause := c.begin(ctx, source, now)
	switch failing := cause != nil; {
	case failing && e != nil && e.isValid(now):
		return nil, e.Token, nil
	case failing && (others || c.flight == nil): // only the caller that asks waits for a source that fails
		return nil, Token{}, unavailable(pause, cause)
	}
	return c.flight, Token{}, nil
}

// begin begins a refresh, unless one is under way or the source must not be asked. It
// returns how long the source must not be asked, and the cause of its last failure, or
// nil if it does not fail.
func (c *Cache) begin(ctx context.Context, source Source, now Reading) (time.Duration, error) {
	if c.flight != nil {
		return c.pause(now)
	}
	held := c.holds(now)
	pause, cause := c.failure.left(now, held)
	if pause == 0 && c.common != nil {
		shared, sharedCause := c.common.ask(now, held, cause != nil)
		if pause = shared; cause == nil || shared > 0 {
			cause = sharedCause
		}
	}
	if pause > 0 {
		return pause, cause
	}
	flight := &flight{asked: now, landed: make(chan struct{})}
	c.flight = flight
	asking := Asking{Now: now.Wall, Rejected: c.rejected}
	asking.Held, _ = c.Current()
	ctx = c.contextOf(ctx, flight, held)
	go func() {
		var token Token
		var err error
		defer func() { // runs also if the source calls runtime.Goexit
			if recover() != nil { // a guest's panic must not end the process, and its value may hold a secret
				err = errPanicked
			}
			c.land(flight, token, err)
		}()
		token, err = source(ctx, asking)
		if err != nil && ctx.Err() != nil { // the call was given up for another caller's
			err = context.Cause(ctx)
		}
	}()
	return 0, cause
}

// contextOf returns the context of a refresh. It keeps the values of ctx, the first
// caller's, and does not end with it: others may wait for the same refresh.
func (c *Cache) contextOf(ctx context.Context, flight *flight, held bool) context.Context {
	ctx = context.WithoutCancel(ctx)
	if c.common == nil {
		return ctx
	}
	ctx = context.WithValue(ctx, reachKey{}, func() { c.common.outage.reach(c.clock.Now()) })
	if !held {
		ctx, flight.call = c.common.calls.begin(ctx, flight.asked)
	}
	return ctx
}

// land ends a refresh.
func (c *Cache) land(flight *flight, token Token, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	var e *entry
	if err == nil {
		e, err = newEntry(token, c.threshold, flight.asked, now)
		if err != nil && flight.asked.wouldShow(now).Unix() < token.Expire { // the clock was stepped meanwhile
			flight.stale, err = true, nil
		}
	}
	if c.common != nil {
		c.common.land(c.id, flight.asked, now, err)
	}
	if flight.call != nil {
		c.common.calls.end(flight.call)
	}
	c.flight = nil
	defer close(flight.landed)
	if flight.stale {
		c.postpone(now, 0)
		return // err is nil, so that the callers that wait ask again
	}
	flight.err = err
	switch {
	case err == nil:
		c.current.Store(e)
		c.rejected, c.refused = Token{}, false
		c.failure.end()
	case errors.Is(err, ErrRefused):
		c.current.Store(nil)
		c.refused = true
		c.failure.end()
	default:
		c.failure.add(flight.asked, now, err)
		pause, _ := c.pause(now)
		c.postpone(now, pause)
	}
}

// postpone keeps hits from beginning a renewal before the pause is over.
func (c *Cache) postpone(now Reading, pause time.Duration) {
	if e := c.current.Load(); e != nil {
		e.renewFrom.Store(e.at(now) + int64(math.Ceil(pause.Seconds())))
	}
}

// pending returns the refresh under way, or nil.
func (c *Cache) pending() *flight {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flight
}

// isFailing reports whether the source fails for this token.
func (c *Cache) isFailing() bool {
	_, cause := c.failure.left(c.clock.Now(), false)
	return cause != nil
}

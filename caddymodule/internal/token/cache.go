// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Asking is what a source is told.
type Asking struct {
	// Now is the time at the Upload API, as far as it is known.
	Now time.Time
	// Held is the token that there is already, if any.
	Held Token
	// Rejected is the token that the service would not take, if that is why
	// another is asked for.
	Rejected Token
	// Failed means that the source has failed since it answered last.
	Failed bool
}

// Source makes a new token. It bounds its own time: the context it is given
// does not end with the request that asked first, since others may wait for
// the same token.
type Source func(context.Context, Asking) (Token, error)

// Cache keeps one token. While it is fresh, Get is one atomic load: no lock, no
// allocation. At most one refresh is in flight, however many callers wait.
//
// A token that is in use is renewed ahead of its threshold, while it is handed
// out on. If that fails it is used past the threshold, but never past its
// expiry; then there is no token, which callers are told at once, and the
// source is asked by one of them at a time, with growing pauses between.
type Cache struct {
	threshold time.Duration
	clock     *Clock
	current   atomic.Pointer[entry]
	common    *common // of the source for all callers, or nil
	id        Caller  // whose the cache is, if there is one

	mu       sync.Mutex
	flight   *flight // the refresh under way, or nil
	failure  failure // of this token's source
	refused  bool    // by the last answer that there was
	rejected Token
	drops    drops
}

// NewCache returns an empty cache.
func NewCache(threshold time.Duration, clock *Clock) *Cache {
	return &Cache{threshold: threshold, clock: clock}
}

// maxWait is how long an upload waits for a refresh, from when that began, if
// there is something else that it can be signed with.
const maxWait = time.Second

// Get returns the cached token, or one that source yields if there is none or
// it is about to expire. If there is one that has not expired, it does not wait
// for another for longer than a second. It gives up when ctx ends; the refresh
// goes on for whoever else waits. The token that it returns has not expired. Its
// errors are that of ctx, [ErrRefused] and [UnavailableError].
func (c *Cache) Get(ctx context.Context, source Source) (Token, error) {
	for {
		if e := c.current.Load(); e != nil {
			if second := e.at(c.clock.Now()); second < e.useUntil {
				if from := e.renewFrom.Load(); second >= from && e.renewFrom.CompareAndSwap(from, never) {
					c.renew(ctx, e, source)
				}
				return e.Token, nil
			}
		}
		if token, err := c.miss(ctx, source, heldServes); !errors.Is(err, errLanded) {
			return token, err
		}
	}
}

// GetSoon is Get for whoever has a token from elsewhere: it waits for no longer
// than a second if there is none here either. Then its error is an
// [UnavailableError] because of [ErrSlow]. A source that refused the last time
// is waited for: nothing stands in for what is refused.
func (c *Cache) GetSoon(ctx context.Context, source Source) (Token, error) {
	return c.getOr(ctx, source, elsewhere)
}

// GetAnother is Get for an upload whose token was dropped. It waits for another
// as long as that takes, and returns the same if there is none.
func (c *Cache) GetAnother(ctx context.Context, source Source) (Token, error) {
	return c.getOr(ctx, source, nothing)
}

// getOr is Get with something else that serves if there is no usable token.
func (c *Cache) getOr(ctx context.Context, source Source, instead substitute) (Token, error) {
	for {
		if e := c.current.Load(); e != nil && e.at(c.clock.Now()) < e.useUntil {
			return c.Get(ctx, source)
		}
		if token, err := c.miss(ctx, source, instead); !errors.Is(err, errLanded) {
			return token, err
		}
	}
}

// Current returns the cached token, whether or not it is still fresh.
func (c *Cache) Current() (Token, bool) {
	if e := c.current.Load(); e != nil {
		return e.Token, true
	}
	return Token{}, false
}

// Clear makes the cache forget its token, since the source makes others now.
func (c *Cache) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget()
	c.rejected, c.refused, c.drops = Token{}, false, drops{}
	c.failure.end()
}

// forget leaves nothing of what the source yielded until now, nor of what it
// was asked until now.
func (c *Cache) forget() {
	c.current.Store(nil)
	if c.flight != nil {
		c.flight.stale = true
	}
}

// pause returns how long the source must not be asked, and why it failed last;
// the cause is nil if it did not.
func (c *Cache) pause(now Reading) (time.Duration, error) {
	held := c.holds(now)
	pause, cause := c.failure.left(now, held)
	if c.common == nil {
		return pause, cause
	}
	if shared, sharedCause := c.common.outage.left(now, held); cause == nil || shared > pause {
		return shared, sharedCause
	}
	return pause, cause
}

// holds reports whether there is a token that has not expired.
func (c *Cache) holds(now Reading) bool {
	e := c.current.Load()
	return e != nil && e.isValid(now)
}

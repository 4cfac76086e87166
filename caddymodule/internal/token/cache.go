// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Asking is what a source learns when it is asked for a token.
type Asking struct {
	// Now is the time at the Upload API, as far as it is known.
	Now time.Time
	// Held is the token that there is already, if any.
	Held Token
	// Rejected is the token that the service rejected, if that is why another is
	// asked for: a source that has a cache of its own must not return it again.
	Rejected Token
}

// Source makes a new token. It bounds its own time: the context it is given
// does not end with the request that asked first, since others may wait for
// the same token.
type Source func(context.Context, Asking) (Token, error)

// Cache holds one token. While the token is fresh, Get is one atomic load: no lock, no
// allocation. At most one refresh is in flight, however many callers wait.
//
// A token that is in use is renewed ahead of its threshold, and handed out
// meanwhile. If the renewal fails, the token is used past the threshold, but never
// past its expiry. From then on callers get an error at once, and one of them at a
// time asks the source, with growing pauses between: callers that queue for a source
// that is down would hold their uploads for nothing.
type Cache struct {
	threshold time.Duration
	clock     *Clock
	current   atomic.Pointer[entry]
	common    *common // what all callers' caches share, or nil
	id        Caller  // the caller that the cache belongs to, if common is not nil

	mu       sync.Mutex
	flight   *flight // the refresh under way, or nil
	failure  failure // of this token's source
	refused  bool    // the source's last response was a refusal
	rejected Token
	drops    drops
}

// NewCache returns an empty cache.
func NewCache(threshold time.Duration, clock *Clock) *Cache {
	return &Cache{threshold: threshold, clock: clock}
}

// maxWait is how long an upload waits for a refresh, from the refresh's beginning, if
// it can be signed with something else. A person notices a longer wait, and a source
// that hangs would hold each upload for as long as its time limit.
const maxWait = time.Second

// Get returns the cached token, or a new one of source if there is none or the cached
// one is about to expire. If that has not expired, Get waits for another for a second at
// most. It gives up when ctx ends; the refresh goes on for the other callers that
// wait. The token that it returns has not expired. Its errors are that of ctx,
// [ErrRefused] and [UnavailableError].
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

// GetSoon is Get for a caller that has a token from elsewhere, such as a fallback: it
// waits for a second at most, also if the cache has no token. Then its error is an
// [UnavailableError] with the cause [ErrSlow]. It does wait for a source whose last
// response was a refusal, since a fallback must not stand in for what is refused.
func (c *Cache) GetSoon(ctx context.Context, source Source) (Token, error) {
	return c.getOr(ctx, source, elsewhere)
}

// GetAnother is Get for an upload whose token the service has rejected, and which was
// dropped: it waits for another one as long as that takes. If there is none, it returns
// the rejected token.
func (c *Cache) GetAnother(ctx context.Context, source Source) (Token, error) {
	return c.getOr(ctx, source, nothing)
}

// getOr is Get for a caller that can do with instead if there is no usable token.
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

// Clear discards the token and all that is known of the source, which makes other
// tokens from now on: its secret has changed.
func (c *Cache) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget()
	c.rejected, c.refused, c.drops = Token{}, false, drops{}
	c.failure.end()
}

// forget discards the token, and the result of a refresh that is under way.
func (c *Cache) forget() {
	c.current.Store(nil)
	if c.flight != nil {
		c.flight.stale = true
	}
}

// pause returns how long the source must not be asked, and the cause of its last
// failure, or nil if it does not fail.
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

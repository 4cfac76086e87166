// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

// ErrExpired means that a source yielded a token that has already expired.
var ErrExpired = errors.New("the source yielded an expired token")

// Source makes a new token. It bounds its own time: the context it is given
// does not end with the request that asked first, since others may wait for
// the same token.
type Source func(context.Context) (Token, error)

// Cache keeps one token and renews it when it comes within threshold of its
// expiry. While the token is fresh, Get is one atomic load: no lock, no
// allocation. At most one refresh is in flight, however many callers wait.
type Cache struct {
	threshold time.Duration
	now       func() time.Time
	current   atomic.Pointer[Token]
	refresh   singleflight.Group
}

// NewCache returns an empty cache. now is its clock.
func NewCache(threshold time.Duration, now func() time.Time) *Cache {
	return &Cache{threshold: threshold, now: now}
}

// Get returns the cached token, or one that source yields if there is none or
// it is about to expire. It gives up when ctx ends; the refresh goes on for
// whoever else waits. The token that it returns has not expired.
func (c *Cache) Get(ctx context.Context, source Source) (Token, error) {
	if current := c.current.Load(); current != nil && !current.Expired(c.now(), c.threshold) {
		return *current, nil
	}
	// An empty key: a cache is for one token.
	refreshed := c.refresh.DoChan("", func() (any, error) {
		if current := c.current.Load(); current != nil && !current.Expired(c.now(), c.threshold) {
			return *current, nil // by a refresh that ended just before this one began
		}
		fresh, err := source(context.WithoutCancel(ctx))
		if err != nil {
			return Token{}, err
		}
		if fresh.Expired(c.now(), 0) {
			return Token{}, ErrExpired
		}
		c.current.Store(&fresh)
		return fresh, nil
	})
	select {
	case <-ctx.Done():
		return Token{}, ctx.Err()
	case result := <-refreshed:
		if result.Err != nil {
			return Token{}, result.Err
		}
		return result.Val.(Token), nil
	}
}

// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// maxCallers is how many callers' tokens are kept; the least recently used goes
// first. One takes about half a kilobyte.
const maxCallers = 4096

// maxAbandoned is how many callers are asked for at once though their clients
// have left. Whoever invents callers and does not wait must not make the source
// be asked without bound.
const maxAbandoned = 1024

var errAbandoned = errors.New("the source is being asked for too many clients that have left")

// Caller identifies a caller whose tokens are its own: a hash of what the
// source is told about it.
type Caller [32]byte

// Callers keeps a token for each caller of a source that tells them apart, so
// that one caller's token never signs another's upload. Whoever gets no token
// takes the place of nobody who has one.
type Callers struct {
	threshold time.Duration
	clock     *Clock
	outage    outage // which all of them would meet

	mu        sync.Mutex
	active    map[Caller]*caller // those that ask now, and those that are asked for
	abandoned int                // those of them that have no token, and nobody who waits
	granted   *callerLRU         // those that have a token
	failing   *callerLRU         // those that have none, and a pause to keep to
}

type callerLRU = simplelru.LRU[Caller, *caller]

// caller is one of them.
type caller struct {
	cache *Cache
	users int // as long as there are any, it is active
}

// NewCallers returns an empty set of caches.
func NewCallers(threshold time.Duration, clock *Clock) *Callers {
	return &Callers{
		threshold: threshold, clock: clock,
		active: make(map[Caller]*caller), granted: newCallerLRU(), failing: newCallerLRU(),
	}
}

func newCallerLRU() *callerLRU {
	lru, err := simplelru.NewLRU[Caller, *caller](maxCallers, nil)
	if err != nil {
		panic(err) // the size is not positive
	}
	return lru
}

// Get is [Cache.Get] for one caller.
func (c *Callers) Get(ctx context.Context, id Caller, source Source) (Token, error) {
	return c.get(ctx, id, source, (*Cache).Get)
}

// GetAnother is [Cache.GetAnother] for one caller.
func (c *Callers) GetAnother(ctx context.Context, id Caller, source Source) (Token, error) {
	return c.get(ctx, id, source, (*Cache).GetAnother)
}

func (c *Callers) get(ctx context.Context, id Caller, source Source, get func(*Cache, context.Context, Source) (Token, error)) (Token, error) {
	caller := c.enter(id)
	if caller == nil {
		return Token{}, unavailable(firstPause, errAbandoned)
	}
	defer c.leave(id, caller)
	return get(caller.cache, ctx, source)
}

// Accept is [Cache.Accept] for one caller.
func (c *Callers) Accept(id Caller, accepted Token) {
	if caller := c.known(id); caller != nil {
		caller.cache.Accept(accepted)
	}
}

// Drop is [Cache.Drop] for one caller.
func (c *Callers) Drop(id Caller, rejected Token, why Rejection) bool {
	caller := c.known(id)
	return caller != nil && caller.cache.Drop(rejected, why)
}

// Clear makes all callers' caches forget their tokens.
func (c *Callers) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.granted.Purge()
	c.failing.Purge()
	for _, caller := range c.active {
		caller.cache.Clear()
	}
	c.outage.forget()
}

func (c *Callers) known(id Caller) *caller {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.find(id)
}

// find returns what is known of a caller, or nil.
func (c *Callers) find(id Caller) *caller {
	if caller := c.active[id]; caller != nil {
		return caller
	}
	if caller, ok := c.granted.Peek(id); ok {
		return caller
	}
	caller, _ := c.failing.Peek(id)
	return caller
}

// enter makes a caller active. It returns nil if there is no place for a new one.
func (c *Callers) enter(id Caller) *caller {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.find(id)
	switch {
	case found != nil:
	case c.abandoned >= maxAbandoned:
		return nil
	default:
		found = &caller{cache: NewCache(c.threshold, c.clock)}
		found.cache.outage, found.cache.id = &c.outage, id
	}
	c.active[id] = found
	found.users++
	return found
}

// leave gives the caller its place, or none, when nobody asks any more and no
// refresh is under way: until then all share the one.
func (c *Callers) leave(id Caller, caller *caller) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if caller.users > 1 {
		caller.users--
		return
	}
	_, granted := caller.cache.Current()
	if landed := caller.cache.pending(); landed != nil {
		c.await(id, caller, landed, !granted)
		return
	}
	caller.users--
	delete(c.active, id)
	switch {
	case granted:
		c.failing.Remove(id)
		c.granted.Add(id, caller)
	case caller.cache.isFailing():
		c.granted.Remove(id)
		c.failing.Add(id, caller)
	default:
		c.granted.Remove(id)
		c.failing.Remove(id)
	}
}

// await lets a caller whose refresh is under way leave when that has landed.
func (c *Callers) await(id Caller, caller *caller, landed <-chan struct{}, abandoned bool) {
	if abandoned {
		c.abandoned++
	}
	go func() {
		<-landed
		if abandoned {
			c.mu.Lock()
			c.abandoned--
			c.mu.Unlock()
		}
		c.leave(id, caller)
	}()
}

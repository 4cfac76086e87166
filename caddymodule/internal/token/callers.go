// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// maxCallers is how many callers' tokens are kept; the least recently used is discarded
// first. A caller takes about half a kilobyte.
const maxCallers = 4096

// Caller identifies a caller whose tokens are its own: a hash of what the
// source gets of its request.
type Caller [32]byte

// Callers caches a token for each caller of a source that tells callers apart, so that one
// caller's token never signs another's upload. A caller that gets no token displaces none
// that has one: invented callers cannot empty the cache.
type Callers struct {
	threshold time.Duration
	clock     *Clock
	common    common

	mu      sync.Mutex
	active  map[Caller]*caller // those of uploads that wait, or of a refresh under way
	granted *callerLRU         // of the others, those that have a token
	failing *callerLRU         // and those that have none, and a pause to keep
}

type callerLRU = simplelru.LRU[Caller, *caller]

// caller is what is known about one.
type caller struct {
	cache   *Cache
	users   int  // uploads that use the cache now; while there are any, it is active
	pending bool // settleAfter waits for a refresh, and until then it is active
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
	c.common.outage.forget()
}

func (c *Callers) known(id Caller) *caller {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.find(id)
}

// find returns what is known about a caller, or nil.
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

// enter makes a caller active.
func (c *Callers) enter(id Caller) *caller {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.find(id)
	if found == nil {
		found = &caller{cache: NewCache(c.threshold, c.clock)}
		found.cache.common, found.cache.id = &c.common, id
	}
	c.active[id] = found
	found.users++
	if found.pending && found.users == 1 {
		c.await(found, true)
	}
	return found
}

// leave ends an upload's use of a caller.
func (c *Callers) leave(id Caller, caller *caller) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if caller.users--; caller.users == 0 {
		c.settle(id, caller)
	}
}

// settle moves a caller that no upload uses to where it belongs, or discards it. If a
// refresh is under way, it stays active until that has landed, so that uploads that come
// meanwhile share the refresh.
func (c *Callers) settle(id Caller, caller *caller) {
	_, granted := caller.cache.Current()
	if flight := caller.cache.pending(); flight != nil {
		c.await(caller, false)
		if !caller.pending {
			caller.pending = true
			go c.settleAfter(flight, id, caller)
		}
		return
	}
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

// settleAfter settles a caller when its refresh has landed.
func (c *Callers) settleAfter(flight *flight, id Caller, caller *caller) {
	<-flight.landed
	c.mu.Lock()
	defer c.mu.Unlock()
	if caller.pending = false; caller.users == 0 {
		c.settle(id, caller)
	}
}

// await records whether an upload waits for a caller's refresh.
func (c *Callers) await(caller *caller, waits bool) {
	if flight := caller.cache.pending(); flight != nil && flight.call != nil {
		c.common.calls.wait(flight.call, waits)
	}
}

// SPDX-License-Identifier: Apache-2.0

// Package memory bounds the memory that many requests hold together. A request for
// which there is no room waits, for a limited time.
//
// Waiting cannot deadlock, as it would with a plain semaphore: if several holders
// had a part of what they need and each waited for the rest, none would ever finish.
// A part of the bound is therefore reserved for holders that can finish with it, in
// the order in which they began (Dijkstra's banker's algorithm, with one demand for
// all).
package memory

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// ErrFull means that a holder has waited as long as [Bound.Wait] allows.
var ErrFull = errors.New("no memory has become free in time")

// Bound limits how much its holders have together. Sizes are in bytes. The zero
// value has room for nothing. The exported fields must not change once it is in use.
type Bound struct {
	// Size is the limit of all holders together. It is never exceeded.
	Size int
	// Reserve is the part of Size that only holders get which have been promised
	// all that they may still need: if holders that wait for each other had all of it,
	// they would wait for ever. It must be at least two Shares.
	Reserve int
	// Share is the most that one holder has at a time.
	Share int
	// Optional is up to where TryTake fills the bound, so that holders that can do
	// without memory do not crowd out those that cannot.
	Optional int
	// Wait is how long one holder waits in total, over all its calls of Take.
	Wait time.Duration
	// Patience is for how long a holder with a promise may take nothing of it before
	// others that wait can get it, or 0 for ever. A client that hardly sends must not
	// keep the reserve from the others.
	Patience time.Duration

	mu       sync.Mutex
	held     int
	promised int       // the sum of all promises
	finish   []*Holder // those with a promise
	begun    uint64    // holders that have called Take
	waiters  []*waiter // in the order in which their holders began
}

// Holder is what one request has of a [Bound]. The zero value holds nothing. It must
// always be used with the same Bound, whose mutex guards it, and only one goroutine
// may call Take for it at a time.
type Holder struct {
	held     int
	turn     uint64    // the position among those that have begun, from 1; 0 if it has not
	promised int       // what it can still take, whatever the others do
	took     time.Time // when it got the promise, or last took some of it
	released bool
	waited   time.Duration
}

// waiter is a holder that waits for n more.
type waiter struct {
	holder  *Holder
	n       int
	granted chan struct{} // closed when it has them
}

// TryTake takes n bytes more if there is room at once, and reports whether it did.
// It is for holders that can do without, and comes after all that wait. After
// [Bound.Release] it takes nothing, so that a goroutine that is late cannot take
// memory that no one would give back.
func (b *Bound) TryTake(h *Holder, n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h.released || len(b.waiters) > 0 || b.held+b.promised+n > b.Optional {
		return false
	}
	b.grant(h, n)
	return true
}

// Take takes n bytes more, and waits for room if there is none. Before it waits, it
// calls waits, which may be nil. Its error is [ErrFull] or the context's. Even then
// the holder may have been granted the bytes at the last moment: it is to be
// released like any other.
func (b *Bound) Take(ctx context.Context, h *Holder, n int, waits func()) error {
	b.mu.Lock()
	if h.turn == 0 {
		b.begun++
		h.turn = b.begun
	}
	if h.promised >= n || len(b.waiters) == 0 && b.fits(n) {
		b.grant(h, n)
		b.mu.Unlock()
		return nil
	}
	w := &waiter{holder: h, n: n, granted: make(chan struct{})}
	at, _ := slices.BinarySearchFunc(b.waiters, h.turn, func(w *waiter, turn uint64) int { return int(w.holder.turn) - int(turn) }) //nolint:gosec // both are small
	b.waiters = slices.Insert(b.waiters, at, w)
	b.serve()
	b.mu.Unlock()
	select {
	case <-w.granted:
		return nil
	default:
	}
	if waits != nil {
		waits()
	}
	return b.wait(ctx, w)
}

// wait waits until w is granted, or for as long as its holder and ctx allow.
func (b *Bound) wait(ctx context.Context, w *waiter) error {
	began := time.Now()
	err := b.await(ctx, w)
	w.holder.waited += time.Since(began)
	if err == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if at := slices.Index(b.waiters, w); at >= 0 {
		b.waiters = slices.Delete(b.waiters, at, at+1)
		b.serve() // those behind it may need less
	}
	return err
}

// await waits for a grant, and meanwhile passes on promises that are not used.
func (b *Bound) await(ctx context.Context, w *waiter) error {
	full := time.NewTimer(b.Wait - w.holder.waited)
	defer full.Stop()
	var impatient <-chan time.Time
	if b.Patience > 0 {
		ticker := time.NewTicker(b.Patience)
		defer ticker.Stop()
		impatient = ticker.C
	}
	for {
		select {
		case <-w.granted:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-full.C:
			return ErrFull
		case <-impatient:
			b.passOn()
		}
	}
}

// passOn withdraws the promises of holders that have taken nothing for as long as
// Patience, so that those that wait can be served. The holders keep what they have, and
// wait for more in their turn. It stops while there is room for two to finish: those whose
// promise was withdrawn must never wait for each other.
func (b *Bound) passOn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range slices.Clone(b.finish) {
		if len(b.waiters) == 0 || b.held > b.Size-2*b.Share {
			return
		}
		if time.Since(h.took) >= b.Patience {
			b.settle(h)
			b.serve()
		}
	}
}

// Waited returns how long a holder has waited in total.
func (h *Holder) Waited() time.Duration { return h.waited }

// Give returns n bytes of what a holder has.
func (b *Bound) Give(h *Holder, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h.held -= n
	b.held -= n
	b.serve()
}

// Settle says that a holder will take no more, which frees what it was promised.
func (b *Bound) Settle(h *Holder) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle(h)
	b.serve()
}

// Release returns all that a holder has. It may be called more than once.
func (b *Bound) Release(h *Holder) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h.released = true
	b.held -= h.held
	h.held = 0
	b.settle(h)
	b.serve()
}

// settle is Settle, with b.mu held.
func (b *Bound) settle(h *Holder) {
	if h.promised > 0 {
		b.promise(h, 0)
	}
}

// promise sets what a holder can still take to n.
func (b *Bound) promise(h *Holder, n int) {
	b.promised += n - h.promised
	h.took = time.Now()
	switch {
	case h.promised == 0 && n > 0:
		b.finish = append(b.finish, h)
	case h.promised > 0 && n == 0:
		at := slices.Index(b.finish, h)
		b.finish = slices.Delete(b.finish, at, at+1)
	}
	h.promised = n
}

// Held returns how many bytes all holders have together.
func (b *Bound) Held() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

// fits reports whether there is room for n outside the reserve.
func (b *Bound) fits(n int) bool { return b.held+b.promised+n <= b.Size-b.Reserve }

// serve grants what is free, to those that began first. Outside the reserve, what
// they ask for has to fit. A holder for which it does not fit is served from the
// reserve if there is room for all that it may still take: it is promised that, and
// so can finish, and others after it. The first that cannot be served ends it, or
// small requests would overtake a large one for ever. It is called with b.mu held.
func (b *Bound) serve() {
	served := 0
	for _, w := range b.waiters {
		if !b.fits(w.n) {
			rest := max(b.Share-w.holder.held, w.n)
			more := rest - w.holder.promised // less than rest if it gave something back since it was promised
			if b.held+b.promised+more > b.Size {
				break
			}
			b.promise(w.holder, rest)
		}
		b.grant(w.holder, w.n)
		close(w.granted)
		served++
	}
	b.waiters = slices.Delete(b.waiters, 0, served)
}

// grant adds n to what a holder has, first from what it was promised.
func (b *Bound) grant(h *Holder, n int) {
	h.held += n
	b.held += n
	if h.promised > 0 {
		b.promise(h, h.promised-min(n, h.promised))
	}
}

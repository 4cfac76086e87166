// SPDX-License-Identifier: Apache-2.0

// Package memory bounds what many requests hold together. What finds no room
// waits for some, and that ends: those that began first can always finish.
package memory

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// ErrFull is for whoever has waited for room as long as may be.
var ErrFull = errors.New("no memory has become free in time")

// Bound is how much may be held at a time by all who share it, in bytes. Its
// zero value has room for nothing. The exported fields are not changed once it
// is in use.
type Bound struct {
	Size int // of everything together; never exceeded
	// Reserve is the part of Size that is kept for those that may finish: if all
	// of it were held by such as wait for each other, it would be for ever. It is
	// at least two Shares.
	Reserve int
	// Share is the most that one holder has at a time.
	Share int
	// Optional is how far those fill it that can do without, so that they do not
	// crowd out those that cannot.
	Optional int
	// Wait is how long one holder waits, in all.
	Wait time.Duration
	// Patience is how long a holder that may finish takes nothing before others
	// that wait may do so in its place, or 0 if it may for ever.
	Patience time.Duration

	mu       sync.Mutex
	held     int
	promised int       // to those that may finish, besides what they have
	finish   []*Holder // those
	begun    uint64    // holders that have taken something
	waiters  []*waiter // in the order in which their holders began
}

// Holder is one that holds something of a bound. Its zero value holds nothing
// yet. It is guarded by the bound that it is used with, which is always the
// same, and only one goroutine waits for it at a time.
type Holder struct {
	held     int
	turn     uint64    // when it began, from 1
	promised int       // what it may still take, whatever the others do
	took     time.Time // when it was promised that, or took some of it
	released bool
	waited   time.Duration
}

// waiter is a holder that waits for n more.
type waiter struct {
	holder  *Holder
	n       int
	granted chan struct{} // closed when it is so
}

// TryTake takes n more if there is room, for one that can do without. One that
// has been released takes nothing any more.
func (b *Bound) TryTake(h *Holder, n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h.released || len(b.waiters) > 0 || b.held+b.promised+n > b.Optional {
		return false
	}
	b.grant(h, n)
	return true
}

// Take takes n more, and waits for room if there is none. Before it waits, it
// calls waits, which may be nil. Its error is [ErrFull] or the context's.
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
		b.serve() // the next one may need less
	}
	return err
}

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

// passOn takes from those that hardly go on what they were promised, for those
// that wait. They keep what they have, and wait for more in their turn. That ends
// while there is room for two to finish, so that they never wait for each other.
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

// Waited returns how long a holder has waited, in all.
func (h *Holder) Waited() time.Duration { return h.waited }

// Give gives n of what a holder has back.
func (b *Bound) Give(h *Holder, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h.held -= n
	b.held -= n
	b.serve()
}

// Settle says that a holder takes nothing more, so that others may finish.
func (b *Bound) Settle(h *Holder) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle(h)
	b.serve()
}

// Release gives back all that a holder has. It may be called more than once.
func (b *Bound) Release(h *Holder) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h.released = true
	b.held -= h.held
	h.held = 0
	b.settle(h)
	b.serve()
}

func (b *Bound) settle(h *Holder) {
	if h.promised > 0 {
		b.promise(h, 0)
	}
}

// promise makes n what a holder may still take.
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

// Held returns what is held by all together.
func (b *Bound) Held() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

// fits reports whether there is room for n outside the reserve.
func (b *Bound) fits(n int) bool { return b.held+b.promised+n <= b.Size-b.Reserve }

// serve gives those that wait what is free outside the reserve, the first ones
// first. Where that is not enough, they may finish, as long as there is room for
// all that those may still take.
func (b *Bound) serve() {
	served := 0
	for _, w := range b.waiters {
		if !b.fits(w.n) {
			rest := max(b.Share-w.holder.held, w.n)
			more := rest - w.holder.promised // some gave back what they had, and take it again
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

func (b *Bound) grant(h *Holder, n int) {
	h.held += n
	b.held += n
	if h.promised > 0 {
		b.promise(h, h.promised-min(n, h.promised))
	}
}

// SPDX-License-Identifier: Apache-2.0

// Package window gives HTTP/2 uploads windows that fit the line: a client far away may
// have much on its way, while all that clients may make the process hold stays bounded.
//
// Go's server grants a connection a window of 1 MiB, of what has come and was not read
// and what may come. That is 1 MiB a round trip. A larger one for each connection would
// be memory that each of them can take, those that are idle included, and a window once
// granted cannot be taken back. So the server is made to grant much, and its
// WINDOW_UPDATE frames are made smaller on their way to the client: a connection has Go's
// 1 MiB and 4 KiB, and beyond that as much as its uploads bring in four round trips, but
// in 60 milliseconds at least and in half a second at most, and as they have yet to bring,
// as far as the budget of all connections goes. By the end of an upload it has given all
// of that back; what it had when its client broke one off, it gives back as it brings
// another, or is closed. A connection from far away keeps some for its next upload, of which
// else the first round trip would bring 1 MiB, as long as less than half of the budget is held.
package window

import "sync"

// Default is what Go's server grants a connection. Each has at least that.
const Default = 1 << 20

// Budget is what all connections together have beyond that. The zero value is
// nothing. It is safe for concurrent use.
type Budget struct {
	mu     sync.Mutex
	limits []*int
	held   int
}

// Allow sets a limit until the returned function is called. The largest that is set is
// in force: while a config takes another's place, there are those of both.
func (b *Budget) Allow(bytes int) (withdraw func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	limit := &bytes
	b.limits = append(b.limits, limit)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for i := range b.limits {
			if b.limits[i] == limit {
				b.limits = append(b.limits[:i:i], b.limits[i+1:]...)
				return
			}
		}
	}
}

// Held returns what all connections together have.
func (b *Budget) Held() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

// Limit returns how much that may be.
func (b *Budget) Limit() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limit()
}

// most returns the most that one connection can get.
func (b *Budget) most() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return share(b.limit())
}

// limit is called with b.mu held.
func (b *Budget) limit() int {
	most := 0
	for _, limit := range b.limits {
		most = max(most, *limit)
	}
	return most
}

// resize makes what a connection has as close to want as the budget allows, and returns
// it. What it gives back is free at once. It grows to its share of what the others leave
// at most. Ahead of an upload it gets its share of what they leave of one half: the other
// half is for uploads, whatever is idle.
func (b *Budget) resize(own, want, ahead int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	limit, others := b.limit(), b.held-own
	want = max(want, min(ahead, share(limit/2-others)))
	if want > own {
		want = min(want, max(own, share(limit-others)))
	}
	b.held += want - own
	return want
}

// share is how much of what is free one connection can get, so that there is something
// left for the next one.
func share(free int) int { return free / 5 * 4 }

// SPDX-License-Identifier: Apache-2.0

package token

import (
	"sync/atomic"
	"time"
)

// Reading is what a clock shows.
type Reading struct {
	// Wall is the time of day. An operator or NTP may step it, in both directions.
	Wall time.Time
	// Elapsed is the time since an arbitrary moment. It is never stepped.
	Elapsed time.Duration
}

// Clock shows the time at the Upload API: the machine's time, corrected by the
// difference that was measured. It may be used from several goroutines.
type Clock struct {
	read   func() Reading
	offset atomic.Int64 // of the service's clock to this machine's, in nanoseconds
}

// NewClock returns a clock that shows what read does until it is corrected.
func NewClock(read func() Reading) *Clock { return &Clock{read: read} }

// SystemClock returns a clock that shows the machine's time.
func SystemClock() *Clock {
	start := time.Now()
	return NewClock(func() Reading {
		now := time.Now()
		return Reading{Wall: now, Elapsed: now.Sub(start)}
	})
}

// Now reads the clock.
func (c *Clock) Now() Reading {
	now := c.read()
	if offset := c.Offset(); offset != 0 {
		now.Wall = now.Wall.Add(offset)
	}
	return now
}

// Offset returns by how much the machine's time is corrected.
func (c *Clock) Offset() time.Duration { return time.Duration(c.offset.Load()) }

// Correct makes the clock show the machine's time plus offset.
func (c *Clock) Correct(offset time.Duration) { c.offset.Store(int64(offset)) }

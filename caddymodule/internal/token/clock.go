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

// wouldShow returns the time of day that the clock would show at a later reading, had it not
// been stepped since r.
func (r Reading) wouldShow(later Reading) time.Time { return r.Wall.Add(later.Elapsed - r.Elapsed) }

// Clock shows the time at the Upload API: the machine's time, corrected by the
// difference that was measured. It may be used from several goroutines.
type Clock struct {
	read       func() Reading
	correction atomic.Pointer[correction] // nil: none
}

// correction is the offset of the service's clock to this machine's, as it was measured.
type correction struct {
	offset time.Duration
	at     Reading // of the machine's clock
}

// maxStep is by how much the machine's time of day may part from the time that has elapsed
// before a correction ends. By less, no clock is corrected (as NTP slews it, in steps).
const maxStep = 30 * time.Second

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
	if c.correction.Load() != nil { // as nearly never
		now.Wall = now.Wall.Add(c.offsetAt(now))
	}
	return now
}

// Offset returns by how much the machine's time is corrected.
func (c *Clock) Offset() time.Duration {
	if c.correction.Load() == nil {
		return 0
	}
	return c.offsetAt(c.read())
}

// offsetAt returns the correction for a reading of the machine's clock. It ends when that clock is
// stepped: rather than to be wrong by twice as much, the difference is to be measured again. By a
// clock that has been set right and is corrected all the same, each token of a source may have
// expired, and without a token no upload is sent whose response would show the time.
func (c *Clock) offsetAt(now Reading) time.Duration {
	current := c.correction.Load()
	if current == nil {
		return 0
	}
	passed := now.Wall.Round(0).Sub(current.at.Wall) // by the time of day
	if (passed - (now.Elapsed - current.at.Elapsed)).Abs() <= maxStep {
		return current.offset
	}
	c.correction.CompareAndSwap(current, nil)
	return 0
}

// Correct makes the clock show the machine's time plus offset, until that is stepped.
func (c *Clock) Correct(offset time.Duration) {
	if offset == 0 {
		c.correction.Store(nil)
		return
	}
	at := c.read()
	at.Wall = at.Wall.Round(0) // without the monotonic reading, which would be compared instead
	c.correction.Store(&correction{offset, at})
}

// SPDX-License-Identifier: Apache-2.0

// Package reminder spaces the log's lines about what stays wrong.
package reminder

import (
	"sync/atomic"
	"time"
)

// Pause is the time between two lines: so long that what fails at every upload does not fill
// the log, and so short that the last hour of the log has some.
const Pause = 10 * time.Minute

// Reminder says when a line is due. The zero value says so at once. It is safe for
// concurrent use.
type Reminder struct {
	until atomic.Int64 // when the pause ends, as Due's now
}

// Due reports whether a line is due, and if so begins a pause. now is the time on a clock
// that is never set, since any moment.
func (r *Reminder) Due(now time.Duration) bool {
	until := r.until.Load()
	return int64(now) >= until && r.until.CompareAndSwap(until, int64(now+Pause))
}

// Reset ends the pause.
func (r *Reminder) Reset() { r.until.Store(0) }

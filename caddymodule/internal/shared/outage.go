// SPDX-License-Identifier: Apache-2.0

package shared

import (
	"sync"
	"time"
)

// outagePause is how long a storage that failed is left alone.
const outagePause = 30 * time.Second

// outage is what is known of a storage that fails. The zero value is of one
// that does not.
type outage struct {
	mu      sync.Mutex
	failing bool
	until   time.Duration // on the clock's Elapsed
	hanging int           // operations that were given up and have not ended
}

// avoid reports whether the storage is to be left alone. After the pause one
// caller tries it again, and others do not meanwhile.
func (o *outage) avoid(now time.Duration) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.hanging > 0:
		return true
	case !o.failing:
		return false
	case now < o.until:
		return true
	}
	o.until = now + outagePause
	return false
}

// begin takes note of a failure, and reports whether the storage worked before.
func (o *outage) begin(now time.Duration) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	first := !o.failing
	o.failing, o.until = true, now+outagePause
	return first
}

// end takes note that the storage works, and reports whether it did not before.
func (o *outage) end() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	ended := o.failing
	o.failing = false
	return ended
}

func (o *outage) hang(change int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hanging += change
}

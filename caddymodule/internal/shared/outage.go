// SPDX-License-Identifier: Apache-2.0

package shared

import (
	"sync"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/reminder"
)

// outagePause is how long a storage that failed is not used. Each use of a storage
// that hangs would delay a renewal by operationTime or lockTime.
const outagePause = 30 * time.Second

// outage is a circuit breaker for the storage. The zero value is closed: the storage
// is used.
type outage struct {
	mu       sync.Mutex
	failures int               // since it last worked
	reminder reminder.Reminder // of these
	until    time.Duration     // do not use it before, on the clock's Elapsed
	hanging  int               // operations that timed out and have not returned
}

// avoid reports whether the storage must not be used now. After the pause, one
// caller gets false and tries it; the others get true until the next pause is over.
// While an operation hangs, all get true, or goroutines would accumulate in the
// storage.
func (o *outage) avoid(now time.Duration) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.hanging > 0:
		return true
	case o.failures == 0:
		return false
	case now < o.until:
		return true
	}
	o.until = now + outagePause
	return false
}

// fail records a failure. It returns how many there were since the storage worked, and
// whether that is to be reported: at the first, and every ten minutes.
func (o *outage) fail(now time.Duration) (failures int, news bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failures++
	o.until = now + outagePause
	return o.failures, o.reminder.Due(now)
}

// end records that the storage works. It reports whether that ends an outage.
func (o *outage) end() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	ended := o.failures > 0
	o.failures = 0
	o.reminder.Reset()
	return ended
}

// hang changes the number of operations that hang.
func (o *outage) hang(change int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hanging += change
}

// isOut reports whether the storage failed when it was used last.
func (o *outage) isOut() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failures > 0 || o.hanging > 0
}

// SPDX-License-Identifier: Apache-2.0

package token

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// entry is a cached token.
type entry struct {
	Token
	useUntil  int64         // the second of the threshold: a hit ends there
	renewFrom atomic.Int64  // the second from which on a hit begins a renewal
	accepted  atomic.Bool   // the service has accepted the token
	came      time.Duration // when it came, on the clock's Elapsed
	epoch     int64         // the wall time at which Elapsed was 0, in nanoseconds
}

// never is a renewFrom at which no renewal begins, since one is under way.
const never = math.MaxInt64

// newEntry returns the entry of a token that was asked for at one time and came at
// another. Its error is [ErrExpired], if the token has.
func newEntry(token Token, threshold time.Duration, asked, came Reading) (*entry, error) {
	e := &entry{Token: token, came: came.Elapsed, epoch: asked.Wall.UnixNano() - int64(asked.Elapsed)}
	if !e.isValid(came) {
		return nil, ErrExpired
	}
	// If the issue time is unknown, in the future, or so long ago that the token would
	// have to be renewed at once, the token's life begins now. Otherwise a source with a
	// wrong clock would be asked for every upload.
	if second := e.at(came); e.Issued <= 0 || e.Issued > second || second >= e.RenewFrom(threshold) {
		e.Issued = second
	}
	e.useUntil = e.Token.useUntil(threshold)
	// At random, so that the gateways of a fleet, or many callers whose tokens came
	// together, do not all renew in the same second.
	from := e.RenewFrom(threshold)
	e.renewFrom.Store(from + rand.Int64N((e.useUntil-from)/2+1)) //nolint:gosec // not a secret
	return e, nil
}

// at returns the current second, as it counts for the token: by the wall clock or by
// the time that has passed, whichever is later, so that setting the clock back makes no
// token live longer.
func (e *entry) at(now Reading) int64 {
	return max(now.Wall.Unix(), (e.epoch+int64(now.Elapsed))/int64(time.Second))
}

// isValid reports whether the token has not expired.
func (e *entry) isValid(now Reading) bool { return e.at(now) < e.Expire }

// left returns how long it is until the token expires.
func (e *entry) left(now Reading) time.Duration {
	return time.Duration(e.Expire*int64(time.Second) - max(now.Wall.UnixNano(), e.epoch+int64(now.Elapsed)))
}

// doubted returns the entry as one that is past its threshold: it is valid, and each
// caller waits up to [maxWait] for another.
func (e *entry) doubted() *entry {
	doubted := &entry{Token: e.Token, came: e.came, epoch: e.epoch}
	doubted.renewFrom.Store(never)
	doubted.accepted.Store(true)
	return doubted
}

// SPDX-License-Identifier: Apache-2.0

package token

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Errors of sources and of the cache.
var (
	// ErrRefused means that the source gives this caller no token. The cached token is
	// discarded, and no fallback takes its place.
	ErrRefused = errors.New("the source refused a token")

	// ErrUnreachable means that there is no address, no connection or no TLS,
	// whichever caller asks. If it happens to several callers, and none gets through,
	// the pause is for all. A source that is there and does not respond in time may do
	// so for some callers alone: that is an error whose method Timeout returns true.
	ErrUnreachable = errors.New("the source cannot be reached")

	// ErrSlow means that a source has not responded yet, and that the caller need not
	// wait for it.
	ErrSlow = errors.New("the source takes its time")

	// ErrExpired means that a source yielded a token that has already expired.
	ErrExpired = errors.New("the source yielded an expired token")
)

// UnavailableError means that there is no token now.
type UnavailableError struct {
	// RetryAfter is how long to wait before the next try. It is a second at least.
	RetryAfter time.Duration
	// Cause is why the source failed.
	Cause error
}

func unavailable(pause time.Duration, cause error) error {
	return &UnavailableError{RetryAfter: max(pause, time.Second), Cause: cause}
}

func (e *UnavailableError) Error() string { return fmt.Sprintf("no token: %v", e.Cause) }

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Cause }

// The pauses between attempts at a source that fails are long for a machine, and short
// for a person who waits for uploads to work again. Each is multiplied by 0.5 to 1.5, at
// random, so that gateways do not ask in step.
const (
	firstPause = time.Second
	lastPause  = 40 * time.Second // with which the longest is a minute
	// emptyPause is about the longest pause while no token is left, including the
	// attempt before it: that a source is back must be noticed within 5 seconds.
	emptyPause = 4 * time.Second
	// minEmptyPause is the pause that remains after an attempt that took longer.
	minEmptyPause = 100 * time.Millisecond
	// MaxRetryAfter is the longest pause that a source can ask for.
	MaxRetryAfter = time.Minute
	// attemptTime is how long an attempt may take before another may begin.
	attemptTime = time.Minute
	// memory is how long a failure is remembered after its pause if no caller asks.
	// After it, the first uploads wait for the source together, instead of getting an
	// error because of last night.
	memory = 10 * time.Minute
)

// failure holds when a source that fails may be asked again. The zero value is for a
// source that does not fail.
type failure struct {
	mu     sync.Mutex
	pauses *backoff.ExponentialBackOff // nil unless the source fails
	noted  time.Duration               // when it failed last, on the clock's Elapsed
	until  time.Duration               // when it may be asked again, likewise
	soon   time.Duration               // and if there is no token left
	asked  bool                        // an attempt is under way, until then at the latest
	cause  error
}

// add records another failure, of an attempt that began at asked. Attempts that were under
// way together count as one: otherwise ten callers would make the pauses grow tenfold.
func (f *failure) add(asked, now Reading, cause error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pauses == nil || asked.Elapsed > f.noted {
		f.note(asked, now, cause)
	}
}

func (f *failure) note(asked, now Reading, cause error) {
	if f.pauses == nil {
		f.pauses = backoff.NewExponentialBackOff()
		f.pauses.InitialInterval, f.pauses.MaxInterval, f.pauses.Multiplier = firstPause, lastPause, 2
	}
	pause, wanted := f.pauses.NextBackOff(), retryAfter(cause)
	empty := emptyPause - rand.N(emptyPause/4) - (now.Elapsed - asked.Elapsed) //nolint:gosec // not a secret
	f.until = now.Elapsed + max(pause, wanted)
	f.soon = now.Elapsed + max(min(pause, max(empty, minEmptyPause)), wanted)
	f.noted, f.asked, f.cause = now.Elapsed, false, cause
}

// retryAfter returns the delay that a failing source asked for, [MaxRetryAfter] at most:
// a source that says a day would keep uploads from working for a day.
func retryAfter(cause error) time.Duration {
	var later interface{ RetryAfter() time.Duration }
	if !errors.As(cause, &later) {
		return 0
	}
	return min(later.RetryAfter(), MaxRetryAfter)
}

// end records a response.
func (f *failure) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pauses, f.cause = nil, nil
}

// left returns how long the source must not be asked, and the cause of its last failure,
// or nil if it does not fail. held says that there is a valid token.
func (f *failure) left(now Reading, held bool) (time.Duration, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state(now, held)
}

func (f *failure) state(now Reading, held bool) (time.Duration, error) {
	pause := f.until - now.Elapsed
	if !held {
		pause = f.soon - now.Elapsed
	}
	switch {
	case f.pauses == nil:
		return 0, nil
	case f.asked: // the response may come at any time
		pause = min(pause, firstPause)
	case pause < -memory:
		f.pauses, f.cause = nil, nil
	}
	return max(pause, 0), f.cause
}

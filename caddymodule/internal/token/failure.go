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
	// ErrRefused means that the source will not give a token to whoever asks.
	// Nothing is kept, and nothing takes the token's place.
	ErrRefused = errors.New("the source refused a token")

	// ErrUnreachable means that there was nobody, whoever asks: no address, no
	// connection, no TLS. If that happens to several who ask, and to nobody else,
	// it concerns all. One that is there and does not answer in time may do so
	// to some alone: that is an error with a method Timeout, which is true.
	ErrUnreachable = errors.New("the source cannot be reached")

	// ErrSlow means that a source has not answered yet, and that there is
	// something else than to wait for it.
	ErrSlow = errors.New("the source takes its time")

	// ErrExpired means that a source yielded a token that has already expired.
	ErrExpired = errors.New("the source yielded an expired token")
)

// UnavailableError means that there is no token now.
type UnavailableError struct {
	// RetryAfter is when to ask again. It is a second at least.
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

// The pauses between attempts at a source that fails are long for a machine and
// short for whoever waits for uploads to work again. Each is half as long to
// half as long again, at random.
const (
	firstPause = time.Second
	lastPause  = 40 * time.Second // with which the longest is a minute
	// emptyPause is about the longest while there is no token left, the attempt
	// before it included: a source that is back is to be noticed in 5 seconds.
	emptyPause = 4 * time.Second
	// minEmptyPause is what is left of that after a long attempt.
	minEmptyPause = 100 * time.Millisecond
	// MaxRetryAfter is the longest pause that a source can ask for.
	MaxRetryAfter = time.Minute
	// attemptTime is how long an attempt may take before another may begin.
	attemptTime = time.Minute
	// memory is for how long after the pause a failure is remembered if nobody
	// asks: uploads that come together the next morning wait together.
	memory = 10 * time.Minute
)

// failure is what is known of a source that fails: when it may be asked again.
// The zero value is of one that does not fail.
type failure struct {
	mu     sync.Mutex
	pauses *backoff.ExponentialBackOff // nil unless the source fails
	noted  time.Duration               // when it failed last, on the clock's Elapsed
	until  time.Duration               // when it may be asked again, likewise
	soon   time.Duration               // and if there is no token left
	asked  bool                        // somebody is asking again, until then at the latest
	cause  error
	known  bool // it has failed since it answered last, though it may be forgotten for how long to pause
}

// add takes note of another failure, of an attempt that began at asked. Many
// attempts that were under way together count as one.
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
	f.noted, f.asked, f.cause, f.known = now.Elapsed, false, cause, true
}

// retryAfter returns how long a source wants to be left alone that failed.
func retryAfter(cause error) time.Duration {
	var later interface{ RetryAfter() time.Duration }
	if !errors.As(cause, &later) {
		return 0
	}
	return min(later.RetryAfter(), MaxRetryAfter)
}

// end takes note of an answer.
func (f *failure) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pauses, f.cause, f.known = nil, nil, false
}

// isKnown reports whether the source has failed since it answered last.
func (f *failure) isKnown() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.known
}

// left returns how long the source must not be asked, and why it failed last;
// the cause is nil if it did not. held says that there is a token left.
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
	case f.asked: // the answer may come at any time
		pause = min(pause, firstPause)
	case pause < -memory:
		f.pauses, f.cause = nil, nil
	}
	return max(pause, 0), f.cause
}

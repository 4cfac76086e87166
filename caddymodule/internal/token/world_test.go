// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// worldTimeout is how long the sources of a world hang.
const worldTimeout = 5 * time.Second

// world is several callers of one source, which is good, slow, broken or hanging
// for each of them, one way after the other.
type world struct {
	t       *testing.T
	callers *Callers
	sources []*worldSource

	next             atomic.Int64
	granted, refused atomic.Int64
}

// worldSource is the source as one caller finds it.
type worldSource struct {
	number  int
	running atomic.Int32

	mu    sync.Mutex
	takes time.Duration
	life  time.Duration
	err   error
}

func newWorld(t *testing.T, number int) *world {
	t.Helper()
	w := &world{t: t, callers: NewCallers(testThreshold, SystemClock())}
	for i := range number {
		w.sources = append(w.sources, &worldSource{number: i, life: testLifetime})
	}
	return w
}

// draw makes the source another for one caller.
func (w *world) draw(number int, random *rand.Rand) {
	s := w.sources[number]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes = []time.Duration{0, 30 * time.Millisecond, 900 * time.Millisecond, 3 * time.Second, worldTimeout}[random.IntN(5)]
	s.life = []time.Duration{testLifetime, testThreshold, time.Minute, 12 * time.Second}[random.IntN(4)]
	s.err = []error{nil, nil, nil, errDown, ErrRefused, ErrUnreachable, context.DeadlineExceeded, wanting(20 * time.Second)}[random.IntN(8)]
}

// pick returns the callers in turn.
func (w *world) pick() *worldSource { return w.sources[int(w.next.Add(1))%len(w.sources)] }

// ask returns it for the cache.
func (s *worldSource) ask(t *testing.T) Source {
	t.Helper()
	return func(ctx context.Context, asking Asking) (Token, error) {
		if running := s.running.Add(1); running > 1 {
			t.Errorf("invariant 6: caller %d is asked for %d times at once", s.number, running)
		}
		defer s.running.Add(-1)
		s.mu.Lock()
		takes, life, err := s.takes, s.life, s.err
		s.mu.Unlock()
		if time.Sleep(takes); err != nil {
			return Token{}, err
		}
		return Mint(strconv.Itoa(s.number), asking.Now, life), nil
	}
}

// upload checks what is promised to one upload.
func (w *world) upload(s *worldSource) {
	w.t.Helper()
	id, began := callerOf(s.number), time.Now()
	longest := worldTimeout
	if caller := w.callers.known(id); caller != nil {
		if held, ok := caller.cache.Current(); ok && !held.Expired(began, 0) {
			longest = maxWait
		}
	}
	token, err := w.callers.Get(w.t.Context(), id, s.ask(w.t))
	var unavailable *UnavailableError
	switch took := time.Since(began); {
	case took > longest:
		w.t.Errorf("caller %d waited for %s, not %s", s.number, took, longest)
	case err == nil && token.Signature != Sign(strconv.Itoa(s.number), strconv.FormatInt(token.Expire, 10)):
		w.t.Errorf("caller %d got another's token", s.number)
	case err == nil && token.Expired(time.Now(), 0):
		w.t.Errorf("invariant 5: caller %d got %v", s.number, token)
	case err == nil:
		w.granted.Add(1)
	case errors.Is(err, ErrRefused):
		w.refused.Add(1)
	case !errors.As(err, &unavailable) || unavailable.RetryAfter < time.Second || unavailable.RetryAfter > 2*MaxRetryAfter:
		w.t.Errorf("caller %d: %v", s.number, err)
	default:
		w.refused.Add(1)
	}
}

// wait waits until no call is under way.
func (w *world) wait() { time.Sleep(time.Hour) }

// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// drawSource makes the source one of many kinds, good and bad.
func (s *simulation) drawSource(random *rand.Rand) {
	issued := random.Int64()
	sources := []Source{
		minted(testLifetime), minted(testThreshold), minted(time.Minute), minted(time.Second), minted(0), minted(-24 * time.Hour),
		failing(errDown), failing(ErrUnreachable), failing(context.DeadlineExceeded), failing(ErrRefused),
		func(context.Context, Asking) (Token, error) { panic("no such thing") },
		func(_ context.Context, asking Asking) (Token, error) { return asking.Held, nil },
		func(_ context.Context, asking Asking) (Token, error) {
			token := Mint("another", asking.Now, testLifetime)
			token.Issued = issued
			return token, nil
		},
		failing(wanting(20 * time.Second)), failing(wanting(time.Hour)),
		s.partial(random.IntN(3) + 2),
	}
	takes := []time.Duration{0, 0, time.Second, 4 * time.Second, hanging, time.Minute, testLifetime + time.Minute}
	s.set(takes[random.IntN(len(takes))], sources[random.IntN(len(sources))])
}

// partial is a source that responds to some calls only, and takes its time.
func (s *simulation) partial(every int) Source {
	calls := new(atomic.Int32)
	return func(ctx context.Context, asking Asking) (Token, error) {
		switch int(calls.Add(1)) % every {
		case 0:
			return minted(testThreshold+time.Minute)(ctx, asking)
		case 1:
			return Token{}, []error{ErrUnreachable, context.DeadlineExceeded}[calls.Load()/2%2]
		default:
			return Token{}, errDown
		}
	}
}

// drawStep steps the clock, in both directions.
func (s *simulation) drawStep(random *rand.Rand) {
	steps := []time.Duration{0, 0, time.Second, -time.Second, time.Minute, -time.Minute, time.Hour, -time.Hour, -24 * time.Hour}
	s.stepClock(steps[random.IntN(len(steps))])
}

// Invariant 5: no expired token is ever injected, whatever the resolver and the
// clock do. Every upload of a simulation checks that.
func TestInvariant5NoExpiredTokenIsEverInjected(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			s, random := simulate(t), rand.New(rand.NewPCG(seed, 5)) //nolint:gosec // not a secret
			var granted, refused atomic.Int32
			upload := func() {
				if _, _, err := s.upload(); err == nil {
					granted.Add(1)
				} else {
					refused.Add(1)
				}
			}
			for range 200 {
				s.drawSource(random)
				s.drawStep(random)
				during(time.Duration(random.Int64N(int64(10*time.Minute))), 7*time.Second, upload)
				time.Sleep(time.Duration(random.Int64N(int64(testLifetime))))
			}
			if granted.Load() < 500 || refused.Load() < 500 {
				t.Errorf("%d uploads got a token, %d none", granted.Load(), refused.Load())
			}
		})
	}
}

// Invariant 6: at most one refresh is in flight per token and process, also when
// the token is dropped or the source changes meanwhile.
func TestInvariant6AtMostOneRefreshIsInFlight(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			s, random := simulate(t), rand.New(rand.NewPCG(seed, 6)) //nolint:gosec // not a secret
			for range 300 {
				s.drawSource(random)
				s.drawStep(random)
				var all sync.WaitGroup
				for range 20 {
					all.Go(func() {
						ctx, leave := context.WithTimeout(t.Context(), 2*time.Minute)
						defer leave()
						_, _ = s.cache.Get(ctx, s.source)
					})
				}
				switch random.IntN(4) {
				case 0:
					all.Go(s.cache.Clear)
				case 1:
					all.Go(func() {
						if held, ok := s.cache.Current(); ok {
							s.cache.Drop(held, Rejection{})
						}
					})
				}
				time.Sleep(time.Duration(random.Int64N(int64(5 * time.Minute))))
				all.Wait()
			}
			if s.most() != 1 || s.calls() < 30 {
				t.Errorf("%d of %d calls at once", s.most(), s.calls())
			}
		})
	}
}

// Invariant 6 for callers: at most one refresh is in flight for each, also while
// the one is forgotten.
func TestInvariant6AtMostOneRefreshIsInFlightForACaller(t *testing.T) {
	for seed := range uint64(5) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // not a secret
			callers := NewCallers(testThreshold, SystemClock())
			simulations := make([]*simulation, 10)
			for i := range simulations {
				simulations[i] = simulate(t)
			}
			for range 300 {
				var all sync.WaitGroup
				for i, s := range simulations {
					s.drawSource(random)
					for range 5 {
						all.Go(func() {
							ctx, leave := context.WithTimeout(t.Context(), 2*time.Second)
							defer leave()
							token, _ := callers.Get(ctx, Caller{byte(i)}, s.source)
							callers.Drop(Caller{byte(i)}, token, Rejection{})
						})
					}
				}
				if random.IntN(4) == 0 {
					all.Go(callers.Clear)
				}
				time.Sleep(time.Duration(random.Int64N(int64(time.Minute))))
				all.Wait()
			}
			for i, s := range simulations {
				if s.most() > 1 || s.calls() < 5 {
					t.Errorf("caller %d: %d of %d calls at once", i, s.most(), s.calls())
				}
			}
		})
	}
}

// Invariants 5 and 6, and what uploads are promised beside them: whatever the
// source does, an upload that finds a valid token gets one within a second, no
// upload waits for longer than one refresh takes, and no caller's token reaches
// another.
func TestUploadsOfSeveralCallersKeepTheContract(t *testing.T) {
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 8)) //nolint:gosec // not a secret
			w := newWorld(t, 12)
			for range 150 {
				for number := range w.sources {
					w.draw(number, random)
				}
				during(time.Duration(random.Int64N(int64(2*time.Minute))), time.Duration(random.Int64N(int64(3*time.Second)))+50*time.Millisecond, func() {
					w.upload(w.pick())
				})
				time.Sleep(time.Duration(random.Int64N(int64(testLifetime / 2))))
			}
			w.wait()
			if granted, refused := w.granted.Load(), w.refused.Load(); granted < 1000 || refused < 500 {
				t.Errorf("%d uploads got a token, %d none", granted, refused)
			}
		})
	}
}

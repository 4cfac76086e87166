// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestCacheUsesATokenUntilItsThreshold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		first := s.mustUpload()
		s.set(0, failing(errDown)) // so that it is not renewed ahead
		time.Sleep(testLifetime - testThreshold - time.Second)
		if again := s.mustUpload(); again != first {
			t.Errorf("a second before the threshold: %v, not %v", again, first)
		}
		synctest.Wait()
		time.Sleep(time.Hour)
		s.set(0, minted(testLifetime))
		second := s.mustUpload()
		time.Sleep(testLifetime - testThreshold)
		if third := s.mustUpload(); third == second {
			t.Error("at the threshold, after a pause without uploads: the same token")
		}
	})
}

func TestTenThousandUploadsAtOnceAskOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		s.set(4*time.Second, minted(testLifetime))
		for _, idle := range []time.Duration{0, testLifetime - testThreshold, testLifetime, 24 * time.Hour} {
			time.Sleep(idle)
			before, wait := s.calls(), 4*time.Second
			if e := s.cache.current.Load(); e != nil && e.isValid(s.clock.Now()) {
				wait = maxWait
			}
			if longest, granted := s.uploads(10_000); granted != 10_000 || longest != wait {
				t.Errorf("idle for %s: %d uploads got a token, the longest wait was %s", idle, granted, longest)
			}
			if calls := s.calls() - before; calls != 1 {
				t.Errorf("idle for %s: %d calls", idle, calls)
			}
			time.Sleep(4*time.Second - wait)
		}
	})
}

func TestTenThousandUploadsAtOnceRenewOnceAndDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		first := s.mustUpload()
		s.set(4*time.Second, minted(testLifetime))
		time.Sleep(testLifetime - testThreshold - 5*time.Second)
		if longest, granted := s.uploads(10_000); granted != 10_000 || longest != 0 {
			t.Errorf("%d uploads got a token, the longest wait was %s", granted, longest)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if renewed := s.mustUpload(); renewed == first || s.calls() != 2 {
			t.Errorf("%v after %v, %d calls", renewed, first, s.calls())
		}
	})
}

func TestWaitersLeaveWithTheirRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		s.set(time.Minute, func(ctx context.Context, asking Asking) (Token, error) {
			if ctx.Err() != nil {
				t.Error("the refresh ended with the request that began it")
			}
			return Mint("secret", asking.Now, testLifetime), nil
		})
		impatient, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				began := time.Now()
				if _, err := s.cache.Get(impatient, s.source); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
					t.Errorf("one that left: %v, after %s", err, time.Since(began))
				}
			})
		}
		time.Sleep(time.Millisecond)
		all.Go(func() {
			if _, took, err := s.upload(); err != nil || took != time.Minute-time.Millisecond {
				t.Errorf("the one that stayed: %v, after %s", err, took)
			}
		})
		all.Wait()
		if s.calls() != 1 {
			t.Errorf("%d calls", s.calls())
		}
	})
}

func TestARefreshThatEverybodyLeftIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		s.set(time.Minute, minted(testLifetime))
		gone, leave := context.WithCancel(t.Context())
		leave()
		if _, err := s.cache.Get(gone, s.source); !errors.Is(err, context.Canceled) {
			t.Errorf("the one that left: %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		s.mustUpload()
		if s.calls() != 1 {
			t.Errorf("%d calls", s.calls())
		}
	})
}

// An upload that comes when a refresh has just landed does not begin another,
// although it has found the token old.
func TestARefreshThatHasJustLandedIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		s.mustUpload()
		old := s.cache.current.Load()
		time.Sleep(testLifetime)
		fresh := s.mustUpload()
		s.cache.renew(t.Context(), old, s.source)
		if flight, token, err := s.cache.join(t.Context(), s.source); flight != nil || token != fresh || err != nil {
			t.Errorf("%v, %v, in flight: %t", token, err, flight != nil)
		}
		synctest.Wait()
		if s.calls() != 2 {
			t.Errorf("%d calls", s.calls())
		}
	})
}

func TestASourceThatPanicsIsOneThatFails(t *testing.T) {
	sources := map[string]Source{
		"panics":             func(context.Context, Asking) (Token, error) { panic("no such thing") },
		"panics with nil":    func(context.Context, Asking) (Token, error) { panic(nil) }, //nolint:govet // as a source may
		"ends its goroutine": func(context.Context, Asking) (Token, error) { runtime.Goexit(); return Token{}, nil },
		"yields nothing":     func(context.Context, Asking) (Token, error) { return Token{}, nil },
		"yields an old token": func(context.Context, Asking) (Token, error) {
			return Token{Signature: "old", Issued: 1, Expire: 2}, nil
		},
	}
	for name, source := range sources {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cache := NewCache(testThreshold, SystemClock())
				var unavailable *UnavailableError
				if _, err := cache.Get(t.Context(), source); !errors.As(err, &unavailable) || unavailable.Cause == nil {
					t.Errorf("got %v", err)
				}
				time.Sleep(2 * time.Second)
				if _, err := cache.Get(t.Context(), minted(testLifetime)); err != nil {
					t.Errorf("afterwards: %v", err)
				}
			})
		})
	}
}

func TestACacheHitAllocatesNothing(t *testing.T) {
	cache, source := NewCache(testThreshold, SystemClock()), minted(testLifetime)
	ctx := context.Background()
	if allocations := testing.AllocsPerRun(1000, func() { _, _ = cache.Get(ctx, source) }); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

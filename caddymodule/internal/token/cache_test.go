// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const (
	testLifetime  = 30 * time.Minute
	testThreshold = 10 * time.Minute
)

// counted is a source that mints and counts.
func counted(calls *atomic.Int32) Source {
	return func(context.Context) (Token, error) {
		calls.Add(1)
		return Mint("secret", time.Now(), testLifetime), nil
	}
}

func TestCacheRenewsAtTheThreshold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		cache := NewCache(testThreshold, time.Now)
		first, err := cache.Get(t.Context(), counted(&calls))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(testLifetime - testThreshold - time.Second)
		if again, _ := cache.Get(t.Context(), counted(&calls)); again != first || calls.Load() != 1 {
			t.Errorf("a second before the threshold: %d calls", calls.Load())
		}
		time.Sleep(time.Second)
		renewed, err := cache.Get(t.Context(), counted(&calls))
		if err != nil || renewed == first || calls.Load() != 2 {
			t.Errorf("at the threshold: %v, %d calls", err, calls.Load())
		}
	})
}

// Invariant 5: no expired token is ever injected, whatever the source and the
// clock do.
func TestInvariant5NoExpiredTokenIsReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		var offset time.Duration // of a clock that is stepped
		clock := func() time.Time { return time.Now().Add(offset) }
		sources := map[string]Source{
			"up":           func(context.Context) (Token, error) { return Mint("secret", clock(), testLifetime), nil },
			"down":         func(context.Context) (Token, error) { return Token{}, down },
			"lying":        func(context.Context) (Token, error) { return Mint("secret", clock(), 0), nil },
			"of yesterday": func(context.Context) (Token, error) { return Mint("secret", clock(), -24*time.Hour), nil },
			"slow": func(context.Context) (Token, error) {
				minted := Mint("secret", clock(), testLifetime)
				time.Sleep(testLifetime + time.Second)
				return minted, nil
			},
		}
		cache := NewCache(testThreshold, clock)
		returned := 0
		for hour := range 48 {
			for name, source := range sources {
				for _, step := range []time.Duration{0, time.Hour, -time.Hour} {
					offset += step
					got, err := cache.Get(t.Context(), source)
					if err == nil && got.Expired(clock(), 0) {
						t.Fatalf("hour %d, source %s: an expired token", hour, name)
					}
					if err == nil {
						returned++
					}
					time.Sleep(7 * time.Minute)
				}
			}
		}
		if returned == 0 {
			t.Error("no token was returned at all")
		}
	})
}

func TestCacheErrors(t *testing.T) {
	down := errors.New("down")
	cache := NewCache(testThreshold, time.Now)
	if _, err := cache.Get(t.Context(), func(context.Context) (Token, error) { return Token{}, down }); !errors.Is(err, down) {
		t.Errorf("a source that is down: %v", err)
	}
	if _, err := cache.Get(t.Context(), func(context.Context) (Token, error) { return Mint("s", time.Now(), -time.Second), nil }); !errors.Is(err, ErrExpired) {
		t.Errorf("a source of expired tokens: %v", err)
	}
	var calls atomic.Int32
	if _, err := cache.Get(t.Context(), counted(&calls)); err != nil || calls.Load() != 1 {
		t.Errorf("afterwards: %v, %d calls", err, calls.Load())
	}
}

func TestCacheSharesOneRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		slow := func(ctx context.Context) (Token, error) {
			time.Sleep(time.Second)
			return counted(&calls)(ctx)
		}
		cache := NewCache(testThreshold, time.Now)
		var uploads sync.WaitGroup
		for range 1000 {
			uploads.Go(func() {
				if _, err := cache.Get(t.Context(), slow); err != nil {
					t.Error(err)
				}
			})
		}
		uploads.Wait()
		if calls.Load() != 1 {
			t.Errorf("%d calls", calls.Load())
		}
	})
}

func TestCacheLetsWaitersLeaveWithTheirRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		slow := func(ctx context.Context) (Token, error) {
			time.Sleep(time.Minute)
			if ctx.Err() != nil {
				t.Error("the refresh ended with the request that began it")
			}
			return counted(&calls)(ctx)
		}
		cache := NewCache(testThreshold, time.Now)
		first, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		var uploads sync.WaitGroup
		uploads.Go(func() {
			if _, err := cache.Get(first, slow); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the one that left: %v", err)
			}
		})
		time.Sleep(time.Millisecond)
		uploads.Go(func() {
			if _, err := cache.Get(t.Context(), slow); err != nil {
				t.Errorf("the one that stayed: %v", err)
			}
		})
		uploads.Wait()
		if calls.Load() != 1 {
			t.Errorf("%d calls", calls.Load())
		}
	})
}

func TestCacheHitDoesNotAllocate(t *testing.T) {
	cache := NewCache(testThreshold, time.Now)
	source := func(context.Context) (Token, error) { return Mint("secret", time.Now(), testLifetime), nil }
	ctx := context.Background()
	if allocations := testing.AllocsPerRun(1000, func() { _, _ = cache.Get(ctx, source) }); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

// BenchmarkCacheHit is what a token costs an upload in the steady state.
func BenchmarkCacheHit(b *testing.B) {
	cache := NewCache(testThreshold, time.Now)
	source := func(context.Context) (Token, error) { return Mint("secret", time.Now(), testLifetime), nil }
	ctx := context.Background()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := cache.Get(ctx, source); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkMint is what a token costs without the cache.
func BenchmarkMint(b *testing.B) {
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		_ = Mint("secret", now, testLifetime)
	}
}

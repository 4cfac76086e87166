// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkCacheHit is what a token costs an upload in the steady state.
func BenchmarkCacheHit(b *testing.B) {
	cache, source, ctx := NewCache(testThreshold, SystemClock()), minted(testLifetime), context.Background()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := cache.Get(ctx, source); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkCallersHit is the same for uploads of a thousand callers.
func BenchmarkCallersHit(b *testing.B) {
	callers, source, ctx := NewCallers(testThreshold, SystemClock()), minted(testLifetime), context.Background()
	for number := range 1000 {
		_, _ = callers.Get(ctx, callerOf(number), source)
	}
	var next atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for number := int(next.Add(1)) * 7; pb.Next(); number++ {
			if _, err := callers.Get(ctx, callerOf(number%1000), source); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkBudget has the operations whose cost .ci/budget compares with the
// committed figures.
func BenchmarkBudget(b *testing.B) {
	source, ctx := minted(testLifetime), context.Background()
	cache, callers := NewCache(testThreshold, SystemClock()), NewCallers(testThreshold, SystemClock())
	operations := map[string]func() (Token, error){
		"cache-hit":   func() (Token, error) { return cache.Get(ctx, source) },
		"callers-hit": func() (Token, error) { return callers.Get(ctx, Caller{}, source) },
	}
	for _, name := range slices.Sorted(maps.Keys(operations)) {
		b.Run(name, func(b *testing.B) {
			get := operations[name]
			_, _ = get() // from the source
			b.ReportAllocs()
			for b.Loop() {
				if _, err := get(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMint is what a token costs without the cache.
func BenchmarkMint(b *testing.B) {
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		_ = Mint("secret", now, testLifetime)
	}
}

// BenchmarkRefresh has 64 clients upload across refreshes and reports the longest
// that one of them waited, beside the longest that the source took to respond. A
// second of the clock takes half a millisecond, so that a token of half an hour
// is renewed twice a second.
func BenchmarkRefresh(b *testing.B) {
	b.Run("ahead", func(b *testing.B) { benchmarkRefresh(b, testLifetime, func(*Cache) {}) })
	b.Run("forgotten", func(b *testing.B) { benchmarkRefresh(b, 365*24*time.Hour, (*Cache).Clear) })
}

func benchmarkRefresh(b *testing.B, lifetime time.Duration, interrupt func(*Cache)) {
	b.Helper()
	const clients, responseTime, speed = 64, 20 * time.Millisecond, 2000
	start := time.Now()
	cache := NewCache(testThreshold, NewClock(func() Reading {
		elapsed := speed * time.Since(start)
		return Reading{Wall: start.Add(elapsed), Elapsed: elapsed}
	}))
	var calls, longestResponse, longestWait, done atomic.Int64
	source := func(ctx context.Context, asking Asking) (Token, error) {
		began := time.Now()
		time.Sleep(responseTime)
		calls.Add(1)
		raise(&longestResponse, time.Since(began))
		return minted(lifetime)(ctx, asking)
	}
	_, _ = cache.Get(b.Context(), source)
	var all sync.WaitGroup
	b.ResetTimer()
	for range clients {
		all.Go(func() {
			for done.Add(1) <= int64(b.N) {
				began := time.Now()
				if _, err := cache.Get(b.Context(), source); err != nil {
					b.Error(err)
				}
				raise(&longestWait, time.Since(began))
				time.Sleep(time.Millisecond) // so that no client waits for a processor
			}
		})
	}
	for done.Load() < int64(b.N) {
		time.Sleep(10 * responseTime)
		interrupt(cache)
	}
	all.Wait()
	b.ReportMetric(float64(longestWait.Load())/1e6, "longest-wait-ms")
	b.ReportMetric(float64(longestResponse.Load())/1e6, "longest-response-ms")
	b.ReportMetric(float64(calls.Load()), "calls")
}

// raise makes a maximum no less than took.
func raise(longest *atomic.Int64, took time.Duration) {
	for {
		before := longest.Load()
		if int64(took) <= before || longest.CompareAndSwap(before, int64(took)) {
			return
		}
	}
}

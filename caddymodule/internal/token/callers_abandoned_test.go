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

// Clients that leave at once, each as another caller, do not make the source be
// asked without bound. Whoever has a token is not touched by that, nor is a
// crowd that waits.
func TestInventedCallersAreNotAskedForWithoutBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers, issuer := NewCallers(testThreshold, SystemClock()), &issuer{takes: 4 * time.Second}
		get := func(ctx context.Context, number int) error {
			_, err := callers.Get(ctx, callerOf(number), issuer.to(number))
			return err
		}
		if err := get(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		left, leave := context.WithCancel(t.Context())
		leave()
		for number := range 2 * maxAbandoned {
			if get(left, 1000+number) == nil {
				t.Fatal("a client that has left got a token")
			}
		}
		synctest.Wait()
		if calls := issuer.calls.Load(); calls != 1+maxAbandoned {
			t.Errorf("%d calls, want %d", calls, 1+maxAbandoned)
		}
		var unavailable *UnavailableError
		if err := get(t.Context(), 1); !errors.As(err, &unavailable) || unavailable.RetryAfter != time.Second {
			t.Errorf("a new caller: %v", err)
		}
		for number, who := range map[int]string{0: "a caller that has a token", 1000: "a caller that comes back"} {
			if err := get(t.Context(), number); err != nil {
				t.Errorf("%s: %v", who, err)
			}
		}
		time.Sleep(4 * time.Second) // there is an answer to all that was asked
		synctest.Wait()
		var crowd sync.WaitGroup
		for number := range 2 * maxAbandoned {
			crowd.Go(func() {
				if err := get(t.Context(), 10_000+number); err != nil {
					t.Errorf("one of a crowd that waits: %v", err)
				}
			})
		}
		crowd.Wait()
		synctest.Wait()
		if callers.abandoned != 0 || callers.kept()[0] != 0 {
			t.Errorf("%d are counted as abandoned, %d as active", callers.abandoned, callers.kept()[0])
		}
	})
}

// A renewal ahead, for which nobody waits, is not abandoned.
func TestRenewalsAheadAreNotCountedAsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = maxAbandoned + 100
		callers, issuer := NewCallers(testThreshold, SystemClock()), &issuer{}
		get := func() {
			t.Helper()
			for number := range many {
				if _, err := callers.Get(t.Context(), callerOf(number), issuer.to(number)); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
		}
		get()
		time.Sleep(testLifetime - testThreshold - time.Minute) // all are due
		issuer.takes = 30 * time.Second
		get()
		if calls := issuer.calls.Load(); calls != 2*many || callers.abandoned != 0 {
			t.Errorf("%d calls, %d abandoned", calls, callers.abandoned)
		}
		time.Sleep(time.Minute)
	})
}

// However many callers somebody invents, and whatever becomes of them, what is
// kept has a bound.
func TestInventedCallersTakeABoundedAmountOfMemory(t *testing.T) {
	for name, err := range map[string]error{"granted": nil, "unreachable": ErrUnreachable, "failing": errDown, "refused": ErrRefused} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const many = 50_000
				callers, issuer := NewCallers(testThreshold, SystemClock()), &issuer{takes: 20 * time.Millisecond, err: err}
				before := heapInUse()
				for number := 0; number < many; number += 500 {
					var all sync.WaitGroup
					for i := range 500 {
						all.Go(func() { _, _ = callers.Get(t.Context(), callerOf(number+i), issuer.to(number+i)) })
					}
					all.Wait()
				}
				synctest.Wait()
				kept := callers.kept()
				if kept[0] != 0 || kept[1] > maxCallers || kept[2] > maxCallers {
					t.Errorf("kept are %v", kept)
				}
				if grown := int64(heapInUse()) - int64(before); grown > 16<<20 { //nolint:gosec // no heap is as large
					t.Errorf("%d callers take %d KiB", many, grown>>10)
				}
				runtime.KeepAlive(callers)
			})
		})
	}
}

func heapInUse() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

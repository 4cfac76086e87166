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
// asked without bound. A caller that has a token is not touched by that, nor is a
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
		for number := range 2 * maxUnanswered {
			if get(left, 1000+number) == nil {
				t.Fatal("a client that has left got a token")
			}
		}
		synctest.Wait()
		if calls := issuer.calls.Load(); calls != 1+maxUnanswered {
			t.Errorf("%d calls, want %d", calls, 1+maxUnanswered)
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
		time.Sleep(4 * time.Second) // there is a response to all that was asked
		synctest.Wait()
		var crowd sync.WaitGroup
		for number := range 2 * maxUnanswered {
			crowd.Go(func() {
				if err := get(t.Context(), 10_000+number); err != nil {
					t.Errorf("one of a crowd that waits: %v", err)
				}
			})
		}
		crowd.Wait()
		synctest.Wait()
		if callers.common.calls.abandoned != 0 || callers.kept()[0] != 0 {
			t.Errorf("%d are counted as abandoned, %d as active", callers.common.calls.abandoned, callers.kept()[0])
		}
	})
}

// A call for a client that has left makes way for another's when the source has
// had two seconds for it, the oldest first. A caller that has come back is waited for.
func TestTheOldestAbandonedCallMakesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers := NewCallers(testThreshold, SystemClock())
		hanging, good := &patchy{timeout: time.Hour, hangs: func(int) bool { return true }}, &issuer{takes: 300 * time.Millisecond}
		left, leave := context.WithCancel(t.Context())
		leave()
		for number := range maxUnanswered {
			_, _ = callers.Get(left, callerOf(number), hanging.to(number))
			time.Sleep(time.Millisecond)
		}
		back, leaveAgain := context.WithCancel(t.Context())
		go func() { _, _ = callers.Get(back, callerOf(0), hanging.to(0)) }()
		synctest.Wait()
		time.Sleep(minCallTime)
		for i := range 10 {
			number := 10_000 + i
			if _, err := callers.Get(t.Context(), callerOf(number), good.to(number)); err != nil {
				t.Errorf("a newcomer: %v", err)
			}
			_, _ = callers.Get(left, callerOf(20_000+i), hanging.to(20_000+i))
			synctest.Wait()
			if running, _ := hanging.most(); running != maxUnanswered+1 { // one is waited for
				t.Errorf("%d calls that hang", running)
			}
		}
		if callers.known(callerOf(0)).cache.pending() == nil || callers.known(callerOf(1)).cache.pending() != nil {
			t.Error("it was not the oldest abandoned call that made way")
		}
		leaveAgain()
		time.Sleep(time.Hour)
	})
}

// A source that does not care whether its context has ended is not asked without
// bound either.
func TestASourceThatHeedsNoContextIsNotAskedWithoutBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers, issuer := NewCallers(testThreshold, SystemClock()), &issuer{takes: time.Hour}
		left, leave := context.WithCancel(t.Context())
		leave()
		for number := range 5 * maxUnanswered {
			_, _ = callers.Get(left, callerOf(number), issuer.to(number))
			time.Sleep(10 * time.Millisecond)
		}
		if calls := issuer.calls.Load(); calls != maxUnanswered+maxGivenUp {
			t.Errorf("%d calls", calls)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if calls := &callers.common.calls; calls.running.Len() != 0 || calls.abandoned != 0 || calls.givenUp != 0 {
			t.Errorf("%d are running in the end, %d abandoned, %d given up", calls.running.Len(), calls.abandoned, calls.givenUp)
		}
	})
}

// A renewal ahead, for which no upload waits, is not abandoned.
func TestRenewalsAheadAreNotCountedAsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = maxUnanswered + 100
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
		if calls := issuer.calls.Load(); calls != 2*many || callers.common.calls.abandoned != 0 {
			t.Errorf("%d calls, %d abandoned", calls, callers.common.calls.abandoned)
		}
		time.Sleep(time.Minute)
	})
}

// However many callers a stranger invents, and whatever becomes of them, what is
// kept has a bound.
func TestInventedCallersTakeABoundedAmountOfMemory(t *testing.T) {
	for name, err := range map[string]error{"granted": nil, "unreachable": ErrUnreachable, "hanging": context.DeadlineExceeded, "failing": errDown, "refused": ErrRefused} {
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

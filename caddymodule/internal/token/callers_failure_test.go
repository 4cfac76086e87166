// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestACallerWithoutATokenDisplacesNone(t *testing.T) {
	tests := map[string]struct {
		err    error
		failed int // callers that are kept for their pauses, at most
	}{
		"refused":     {ErrRefused, 0},
		"unreachable": {ErrUnreachable, 3}, // they pause together
		"failing":     {errDown, maxCallers},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // or pauses would end on a slow machine
				callers, issuer := NewCallers(testThreshold, SystemClock()), new(issuer)
				for number := range maxCallers {
					_, _ = callers.Get(t.Context(), callerOf(number), issuer.to(number))
				}
				issuer.err = test.err
				for number := range 2 * maxCallers {
					if _, err := callers.Get(t.Context(), callerOf(maxCallers+number), issuer.to(number)); !errors.Is(err, test.err) {
						t.Fatalf("got %v", err)
					}
				}
				if kept := callers.kept(); kept[0] != 0 || kept[1] != maxCallers || kept[2] > test.failed {
					t.Errorf("kept are %v", kept)
				}
			})
		})
	}
}

func TestACallerThatIsRefusedLaterLosesItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers, issuer := NewCallers(testThreshold, SystemClock()), new(issuer)
		get := func() error {
			_, err := callers.Get(t.Context(), callerOf(1), issuer.to(1))
			synctest.Wait()
			return err
		}
		_ = get()
		issuer.err = ErrRefused
		time.Sleep(testLifetime - testThreshold - time.Second)
		if err := get(); err != nil {
			t.Errorf("the upload that began the renewal: %v", err)
		}
		if kept := callers.kept(); kept != [3]int{0, 0, 0} {
			t.Errorf("after the refusal, kept are %v", kept)
		}
		if err := get(); !errors.Is(err, ErrRefused) {
			t.Errorf("the next upload: %v", err)
		}
		issuer.err = nil
		if err := get(); err != nil {
			t.Errorf("when it is not refused any more: %v", err)
		}
	})
}

// Whatever is wrong with the responses to one caller, others are asked for.
func TestAFailureIsTheCallersOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers, bad, good := NewCallers(testThreshold, SystemClock()), &issuer{err: errDown}, new(issuer)
		during(time.Hour, time.Second, func() {
			var unavailable *UnavailableError
			if _, err := callers.Get(t.Context(), callerOf(0), bad.to(0)); !errors.As(err, &unavailable) {
				t.Errorf("the one: %v", err)
			}
			if _, err := callers.Get(t.Context(), callerOf(1), good.to(1)); err != nil {
				t.Errorf("the other: %v", err)
			}
		})
		if calls := bad.calls.Load(); calls < 700 || calls > 1300 {
			t.Errorf("%d attempts in an hour", calls)
		}
		bad.err = nil
		time.Sleep(time.Minute)
		if _, err := callers.Get(t.Context(), callerOf(0), bad.to(0)); err != nil {
			t.Errorf("the one afterwards: %v", err)
		}
		if kept := callers.kept(); kept != [3]int{0, 2, 0} {
			t.Errorf("kept are %v", kept)
		}
	})
}

// A resolver that cannot be reached is asked by one caller at a time, however
// many there are, and those that have a token go on with it.
func TestAnUnreachableResolverIsAskedByOneCallerAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 1000
		clock := SystemClock()
		callers := NewCallers(testThreshold, clock)
		down := &simulation{t: t, clock: clock, takes: 5 * time.Second, yields: failing(ErrUnreachable), tokens: make(map[credential]Reading)}
		granted, err := callers.Get(t.Context(), callerOf(-1), minted(testLifetime))
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for number := range many { // none of them knows
			all.Go(func() { _, _ = callers.Get(t.Context(), callerOf(number), down.source) })
		}
		all.Wait()
		if calls := down.calls(); calls != many {
			t.Errorf("%d calls for %d callers at once", calls, many)
		}
		// They count as one failure: the next attempt is not far.
		time.Sleep(1500 * time.Millisecond)
		if _, _ = callers.Get(t.Context(), callerOf(many), down.source); down.calls() != many+1 {
			t.Errorf("%d calls after the first pause", down.calls()-many)
		}
		down.peak = 0
		var waited, number atomic.Int64
		during(testLifetime-time.Minute, 100*time.Millisecond, func() {
			began := time.Now()
			var unavailable *UnavailableError
			if _, err := callers.Get(t.Context(), callerOf(int(number.Add(1))), down.source); !errors.As(err, &unavailable) {
				t.Errorf("got %v", err)
			}
			if time.Since(began) != 0 {
				waited.Add(1)
			}
			if token, err := callers.Get(t.Context(), callerOf(-1), down.source); token != granted {
				t.Errorf("the one that has a token: %v, %v", token, err)
			}
		})
		if calls := int64(down.calls() - many); down.most() > 2 || calls < 200 || calls > 660 || waited.Load() > calls {
			t.Errorf("%d attempts, %d at once, for which %d uploads waited", calls, down.most(), waited.Load())
		}
		if kept := callers.kept(); kept[0] != 0 || kept[1] != 1 || kept[2] > maxCallers {
			t.Errorf("kept are %v", kept)
		}
	})
}

func TestAnyResponseEndsThePauseOfAllCallers(t *testing.T) {
	for _, outcome := range []error{nil, ErrRefused, errDown} {
		t.Run(fmt.Sprint(outcome), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				callers, issuer := NewCallers(testThreshold, SystemClock()), &issuer{err: ErrUnreachable}
				during(10*time.Minute, time.Second, func() {
					_, _ = callers.Get(t.Context(), callerOf(0), issuer.to(0))
					_, _ = callers.Get(t.Context(), callerOf(-1), issuer.to(-1))
				})
				time.Sleep(time.Minute)
				issuer.err = outcome
				_, _ = callers.Get(t.Context(), callerOf(1), issuer.to(1))
				issuer.err = nil
				for number := range 100 {
					if _, err := callers.Get(t.Context(), callerOf(2+number), issuer.to(2+number)); err != nil {
						t.Errorf("caller %d: %v", number, err)
					}
				}
			})
		})
	}
}

// One attempt that hangs does not keep all callers waiting for good.
func TestAnAttemptThatHangsIsNotTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers, issuer := NewCallers(testThreshold, SystemClock()), &issuer{err: ErrUnreachable}
		_, _ = callers.Get(t.Context(), callerOf(0), issuer.to(0))
		_, _ = callers.Get(t.Context(), callerOf(-1), issuer.to(-1))
		time.Sleep(2 * time.Second)
		hanging, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		_, _ = callers.Get(hanging, callerOf(1), func(context.Context, Asking) (Token, error) {
			time.Sleep(time.Hour)
			return Token{}, ErrUnreachable
		})
		issuer.err = nil
		during(attemptTime-2*time.Second, time.Second, func() {
			var unavailable *UnavailableError
			if _, err := callers.Get(t.Context(), callerOf(2), issuer.to(2)); !errors.As(err, &unavailable) || unavailable.RetryAfter != time.Second {
				t.Errorf("meanwhile: %v", err)
			}
		})
		time.Sleep(2 * time.Second)
		if _, err := callers.Get(t.Context(), callerOf(2), issuer.to(2)); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		time.Sleep(time.Hour)
	})
}

func TestClearEndsThePausesOfAllCallers(t *testing.T) {
	for _, cause := range []error{errDown, ErrUnreachable} {
		callers, issuer := NewCallers(testThreshold, SystemClock()), &issuer{err: cause}
		_, _ = callers.Get(t.Context(), callerOf(0), issuer.to(0))
		callers.Clear()
		issuer.err = nil
		if _, err := callers.Get(t.Context(), callerOf(0), issuer.to(0)); err != nil {
			t.Errorf("after %v: %v", cause, err)
		}
	}
}

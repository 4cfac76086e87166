// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// callerOf returns one of many callers.
func callerOf(number int) (id Caller) {
	binary.BigEndian.PutUint64(id[:], uint64(number))
	return id
}

// issuer is a source that tells callers apart, and counts.
type issuer struct {
	calls atomic.Int32
	takes time.Duration
	err   error
}

// to returns the source for one caller. Its tokens say whose they are.
func (i *issuer) to(number int) Source {
	return func(_ context.Context, asking Asking) (Token, error) {
		i.calls.Add(1)
		time.Sleep(i.takes)
		if i.err != nil {
			return Token{}, i.err
		}
		return Mint(strconv.Itoa(number), asking.Now, testLifetime), nil
	}
}

// kept returns how many callers there are of each kind.
func (c *Callers) kept() [3]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return [3]int{len(c.active), c.granted.Len(), c.failing.Len()}
}

func TestOneCallersTokenNeverReachesAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers, issuer := NewCallers(testThreshold, SystemClock()), &issuer{takes: time.Second}
		for range 40 {
			var all sync.WaitGroup
			for number := range 200 {
				for range 5 {
					all.Go(func() {
						token, err := callers.Get(t.Context(), callerOf(number), issuer.to(number))
						if err != nil || token.Signature != Sign(strconv.Itoa(number), strconv.FormatInt(token.Expire, 10)) {
							t.Errorf("caller %d: not its own token, %v", number, err)
						}
					})
				}
			}
			all.Wait()
			time.Sleep(time.Minute)
		}
		// Once at the beginning and twice in the forty minutes, each.
		if calls := issuer.calls.Load(); calls != 600 {
			t.Errorf("%d calls for 200 callers", calls)
		}
		if kept := callers.kept(); kept != [3]int{0, 200, 0} {
			t.Errorf("kept are %v", kept)
		}
	})
}

func TestUploadsOfOneCallerShareARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers, issuer := NewCallers(testThreshold, SystemClock()), &issuer{takes: 4 * time.Second}
		var all sync.WaitGroup
		for range 10_000 {
			all.Go(func() {
				if _, err := callers.Get(t.Context(), callerOf(1), issuer.to(1)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if calls := issuer.calls.Load(); calls != 1 {
			t.Errorf("%d calls", calls)
		}
	})
}

func TestTheLeastRecentlyUsedCallerGoesFirst(t *testing.T) {
	callers, issuer := NewCallers(testThreshold, SystemClock()), new(issuer)
	get := func(number int) (asked bool) {
		before := issuer.calls.Load()
		if _, err := callers.Get(t.Context(), callerOf(number), issuer.to(number)); err != nil {
			t.Fatal(err)
		}
		return issuer.calls.Load() != before
	}
	for number := range maxCallers {
		get(number)
	}
	get(0) // which makes 1 the oldest
	get(maxCallers)
	if kept := callers.kept(); kept != [3]int{0, maxCallers, 0} {
		t.Errorf("kept are %v", kept)
	}
	if get(0) || get(maxCallers) || get(2) {
		t.Error("one that was used lately is gone")
	}
	if !get(1) {
		t.Error("the oldest is there still")
	}
}

func TestACallerThatGaveUpKeepsItsRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers, issuer := NewCallers(testThreshold, SystemClock()), &issuer{takes: 10 * time.Second}
		get := func(patience time.Duration) error {
			ctx, leave := context.WithTimeout(t.Context(), patience)
			defer leave()
			_, err := callers.Get(ctx, callerOf(1), issuer.to(1))
			return err
		}
		for range 3 { // all of them while the one refresh is under way
			if err := get(time.Second); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the one that gave up: %v", err)
			}
			time.Sleep(time.Second)
		}
		if kept := callers.kept(); kept != [3]int{1, 0, 0} {
			t.Errorf("while the refresh is under way, kept are %v", kept)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if kept := callers.kept(); kept != [3]int{0, 1, 0} {
			t.Errorf("when it has ended, kept are %v", kept)
		}
		if err := get(0); err != nil || issuer.calls.Load() != 1 {
			t.Errorf("the next upload: %v, %d calls", err, issuer.calls.Load())
		}
	})
}

func TestACallersTokenIsDroppedAlone(t *testing.T) {
	callers, issuer := NewCallers(testThreshold, SystemClock()), new(issuer)
	var tokens [2]Token
	for number := range tokens {
		tokens[number], _ = callers.Get(t.Context(), callerOf(number), issuer.to(number))
	}
	if callers.Drop(callerOf(0), tokens[1], Rejection{}) || callers.Drop(callerOf(2), tokens[0], Rejection{}) {
		t.Error("the token of another was dropped")
	}
	if !callers.Drop(callerOf(0), tokens[0], Rejection{}) {
		t.Error("the token was not dropped")
	}
	for number := range tokens {
		_, _ = callers.Get(t.Context(), callerOf(number), issuer.to(number))
	}
	if calls := issuer.calls.Load(); calls != 3 {
		t.Errorf("%d calls", calls)
	}
}

func TestClearForgetsAllCallersTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers, issuer := NewCallers(testThreshold, SystemClock()), &issuer{takes: time.Second}
		for number := range 10 {
			_, _ = callers.Get(t.Context(), callerOf(number), issuer.to(number))
		}
		var waiting sync.WaitGroup
		waiting.Go(func() {
			began := time.Now()
			if _, err := callers.Get(t.Context(), callerOf(10), issuer.to(10)); err != nil || time.Since(began) != 2*time.Second {
				t.Errorf("the one that waited: %v, after %s", err, time.Since(began))
			}
		})
		synctest.Wait()
		callers.Clear()
		waiting.Wait()
		if kept := callers.kept(); kept != [3]int{0, 1, 0} || issuer.calls.Load() != 12 {
			t.Errorf("kept are %v after %d calls", kept, issuer.calls.Load())
		}
	})
}

func TestACallersHitAllocatesNothing(t *testing.T) {
	callers, source := NewCallers(testThreshold, SystemClock()), minted(testLifetime)
	ctx := context.Background()
	if allocations := testing.AllocsPerRun(1000, func() { _, _ = callers.Get(ctx, Caller{}, source) }); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

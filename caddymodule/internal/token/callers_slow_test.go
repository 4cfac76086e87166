// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// patchy is a source that hangs for some callers, until it is given up, and
// responds to others.
type patchy struct {
	timeout time.Duration
	hangs   func(number int) bool

	mu      sync.Mutex
	asked   int
	running int
	peak    int // of those that hang at once
}

func (p *patchy) to(number int) Source {
	return func(_ context.Context, asking Asking) (Token, error) {
		p.mu.Lock()
		p.asked++
		hangs := p.hangs(number)
		if hangs {
			p.running++
			p.peak = max(p.peak, p.running)
		}
		p.mu.Unlock()
		if !hangs {
			time.Sleep(30 * time.Millisecond)
			return Mint(strconv.Itoa(number), asking.Now, testLifetime), nil
		}
		time.Sleep(p.timeout)
		p.mu.Lock()
		p.running--
		p.mu.Unlock()
		return Token{}, ErrUnreachable
	}
}

// One caller's trouble is its own: whoever has no token yet gets one, however
// long the source takes for others.
func TestNoNewcomerIsRefusedBecauseTheSourceHangsForOthers(t *testing.T) {
	one := func(int) int { return -1 }
	tests := map[string]struct {
		slow      func(upload int) int // the slow caller of each slow upload
		slowEach  time.Duration
		leaves    time.Duration // 0: the slow one waits
		each      time.Duration // between newcomers
		newcomers int
	}{
		"three uploads a second, a newcomer every two":    {one, time.Second / 3, 0, 2 * time.Second, 80},
		"one upload a second, five newcomers in two":      {one, time.Second, 0, 400 * time.Millisecond, 150},
		"one that leaves after a second":                  {one, 2 * time.Second, time.Second, 200 * time.Millisecond, 554},
		"many that leave at once":                         {one, 50 * time.Millisecond, time.Millisecond, 700 * time.Millisecond, 200},
		"a newcomer a minute":                             {one, time.Second / 3, 0, time.Minute, 60},
		"two slow ones, a newcomer every ten seconds":     {func(upload int) int { return -1 - upload%2 }, time.Second / 3, 0, 10 * time.Second, 60},
		"always another slow one, a newcomer every two":   {func(upload int) int { return -1 - upload }, time.Second / 3, 0, 2 * time.Second, 80},
		"always another slow one, newcomers all the time": {func(upload int) int { return -1 - upload }, time.Second / 3, time.Second, 70 * time.Millisecond, 500},
	}
	for name, test := range tests {
		for _, timeout := range []time.Duration{5 * time.Second, 20 * time.Second} {
			t.Run(name+", hanging for "+timeout.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					callers := NewCallers(testThreshold, SystemClock())
					source := &patchy{timeout: timeout, hangs: func(number int) bool { return number < 0 }}
					var all sync.WaitGroup
					var slowOnes atomic.Int64
					period := time.Duration(test.newcomers) * test.each
					all.Go(func() {
						during(period, test.slowEach, func() {
							ctx, leave := t.Context(), func() {}
							if test.leaves > 0 {
								ctx, leave = context.WithTimeout(ctx, test.leaves)
							}
							defer leave()
							number := test.slow(int(slowOnes.Add(1)))
							if _, err := callers.Get(ctx, callerOf(number), source.to(number)); err == nil {
								t.Error("a slow one got a token")
							}
						})
					})
					time.Sleep(timeout / 2)
					refused := 0
					for number := range test.newcomers {
						began := time.Now()
						token, err := callers.Get(t.Context(), callerOf(number), source.to(number))
						if err != nil {
							refused++
						} else if token.Signature != Sign(strconv.Itoa(number), strconv.FormatInt(token.Expire, 10)) || time.Since(began) > 100*time.Millisecond {
							t.Errorf("newcomer %d: %v after %s", number, token, time.Since(began))
						}
						time.Sleep(test.each - time.Since(began))
					}
					if refused != 0 {
						t.Errorf("%d of %d newcomers were refused", refused, test.newcomers)
					}
					all.Wait()
					synctest.Wait()
					time.Sleep(time.Minute)
				})
			})
		}
	}
}

// When nobody gets a response, all pause, but for one in each pause that has not
// been without one itself; and when the source is back it is noticed by whoever
// comes next.
func TestASourceThatIsDownForAllIsAskedByFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers := NewCallers(testThreshold, SystemClock())
		var back atomic.Bool
		source := &patchy{timeout: 5 * time.Second, hangs: func(int) bool { return !back.Load() }}
		var number, atOnce atomic.Int64
		get := func() error {
			number := int(number.Add(1))
			_, err := callers.Get(t.Context(), callerOf(number), source.to(number))
			return err
		}
		during(time.Hour, 100*time.Millisecond, func() {
			began := time.Now()
			var unavailable *UnavailableError
			if err := get(); !errors.As(err, &unavailable) {
				t.Errorf("got %v", err)
			}
			if time.Since(began) == 0 {
				atOnce.Add(1)
			}
		})
		// As long as nobody is known to be without a response, all ask. Pauses are
		// jittered, so the counts vary.
		if asked := source.asked - source.peak; asked > 1450 || source.peak > 60 || atOnce.Load() < 33_000 {
			t.Errorf("asked %d times, %d at once; %d were told at once", asked, source.peak, atOnce.Load())
		}
		time.Sleep(time.Minute)
		back.Store(true)
		for range 100 {
			if err := get(); err != nil {
				t.Errorf("when it is back: %v", err)
			}
		}
	})
}

// In the pause that follows two who got no response, somebody else may try first.
func TestSomebodyElseMayTryFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers, down, up := NewCallers(testThreshold, SystemClock()), &issuer{err: ErrUnreachable}, new(issuer)
		get := func(number int, issuer *issuer) error {
			_, err := callers.Get(t.Context(), callerOf(number), issuer.to(number))
			return err
		}
		for number := range 2 {
			_ = get(number, down)
		}
		if _ = get(0, down); down.calls.Load() != 2 {
			t.Error("one of the two asked again at once")
		}
		if _ = get(2, down); down.calls.Load() != 3 {
			t.Error("another did not ask")
		}
		if _ = get(3, down); down.calls.Load() != 3 {
			t.Error("a third one asked")
		}
		time.Sleep(1500 * time.Millisecond)
		_ = get(4, down) // the pause is over, and the next one longer
		if err := get(5, up); err != nil {
			t.Errorf("somebody else: %v", err)
		}
		if err := get(6, up); err != nil {
			t.Errorf("who comes after a response: %v", err)
		}
	})
}

// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"fmt"
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
	takes   time.Duration // to respond
	hangs   func(number int) bool

	mu      sync.Mutex
	asked   int
	running int
	peak    int // of those that hang at once
}

func (p *patchy) to(number int) Source {
	return func(ctx context.Context, asking Asking) (Token, error) {
		p.mu.Lock()
		p.asked++
		hangs := p.hangs(number)
		if hangs {
			p.running++
			p.peak = max(p.peak, p.running)
		}
		p.mu.Unlock()
		if !hangs {
			time.Sleep(p.takes)
			return Mint(strconv.Itoa(number), asking.Now, testLifetime), nil
		}
		ctx, cancel := context.WithTimeout(ctx, p.timeout)
		defer cancel()
		<-ctx.Done()
		p.mu.Lock()
		p.running--
		p.mu.Unlock()
		return Token{}, ctx.Err()
	}
}

// most returns how many calls hang, and the most that did at once.
func (p *patchy) most() (running, peak int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running, p.peak
}

// trouble is callers for whom a source hangs, and newcomers beside them.
type trouble struct {
	slow     func(upload int) int // the slow caller of each slow upload
	slowEach time.Duration
	leaves   time.Duration // 0: the slow one waits
	burst    int           // newcomers that come together
	each     time.Duration // and how often
	bursts   int
}

// slowOf returns so many slow callers, in turn.
func slowOf(number int) func(int) int { return func(upload int) int { return -1 - upload%number } }

// invented is always another.
func invented(upload int) int { return -1 - upload }

// One caller's trouble is its own: a caller without a token gets one, however
// long the source takes for others, however many they are, and whether or not they
// wait for it.
func TestNoNewcomerIsRefusedBecauseTheSourceHangsForOthers(t *testing.T) {
	const second = time.Second
	tests := map[string]trouble{
		"three uploads a second, a newcomer every two":    {slowOf(1), second / 3, 0, 1, 2 * second, 80},
		"one upload a second, five newcomers in two":      {slowOf(1), second, 0, 1, 400 * time.Millisecond, 150},
		"one that leaves after a second":                  {slowOf(1), 2 * second, second, 1, 350 * time.Millisecond, 554},
		"many that leave at once":                         {slowOf(1), 50 * time.Millisecond, time.Millisecond, 1, 700 * time.Millisecond, 200},
		"a newcomer a minute":                             {slowOf(1), second / 3, 0, 1, time.Minute, 60},
		"two slow ones, a newcomer every ten seconds":     {slowOf(2), second / 3, 0, 1, 10 * second, 60},
		"ten new slow ones a second":                      {invented, second / 10, 0, 1, 2 * second, 100},
		"two new slow ones a second":                      {invented, second / 2, 0, 1, 2 * second, 100},
		"ten new slow ones a second that leave":           {invented, second / 10, second / 10, 1, 2 * second, 100},
		"two new slow ones a second that leave":           {invented, second / 2, second, 1, 2 * second, 100},
		"a hundred new slow ones a second":                {invented, second / 100, 0, 1, 2 * second, 10},
		"three hundred a second that leave":               {invented, second / 300, time.Millisecond, 1, 2 * second, 8},
		"six hundred a second":                            {invented, second / 600, 0, 3, 3 * second, 3},
		"always another slow one, newcomers all the time": {invented, second / 3, second, 1, 350 * time.Millisecond, 500},
	}
	for number := 1; number <= 5; number++ {
		tests[fmt.Sprintf("%d slow ones, five newcomers every seven seconds", number)] = trouble{slowOf(number), second / 10, 0, 5, 7 * second, 30}
		tests[fmt.Sprintf("%d slow ones that leave, five newcomers every seven seconds", number)] = trouble{slowOf(number), second / 10, second, 5, 7 * second, 30}
	}
	for name, test := range tests {
		for _, timeout := range []time.Duration{5 * second, time.Minute} {
			t.Run(name+", hanging for "+timeout.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { test.run(t, timeout) })
			})
		}
	}
}

func (test *trouble) run(t *testing.T, timeout time.Duration) {
	t.Helper()
	callers := NewCallers(testThreshold, SystemClock())
	source := &patchy{timeout: timeout, takes: 300 * time.Millisecond, hangs: func(number int) bool { return number < 0 }}
	var all sync.WaitGroup
	var slowOnes, refused atomic.Int64
	all.Go(func() {
		during(timeout/2+time.Duration(test.bursts)*test.each, test.slowEach, func() {
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
	for burst := range test.bursts {
		for i := range test.burst {
			number := burst*test.burst + i
			all.Go(func() {
				began := time.Now()
				token, err := callers.Get(t.Context(), callerOf(number), source.to(number))
				if err != nil {
					refused.Add(1)
				} else if token.Signature != Sign(strconv.Itoa(number), strconv.FormatInt(token.Expire, 10)) || time.Since(began) > source.takes {
					t.Errorf("newcomer %d: %v after %s", number, token, time.Since(began))
				}
			})
		}
		time.Sleep(test.each)
	}
	all.Wait()
	if refused.Load() != 0 {
		t.Errorf("%d of %d newcomers were refused", refused.Load(), test.burst*test.bursts)
	}
	time.Sleep(2 * time.Minute)
	synctest.Wait()
	if running, _ := source.most(); running != 0 || callers.kept()[0] != 0 || callers.common.calls.running.Len() != 0 {
		t.Errorf("%d are asked for in the end; kept are %v", running, callers.kept())
	}
}

// A source that hangs for all is asked for so many callers at once. When it is
// back, the next caller gets a token.
func TestASourceThatHangsForAllIsAskedForSoManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout, each = 20 * time.Second, 10 * time.Millisecond
		callers := NewCallers(testThreshold, SystemClock())
		var back atomic.Bool
		source := &patchy{timeout: timeout, hangs: func(int) bool { return !back.Load() }}
		var number atomic.Int64
		get := func() error {
			number := int(number.Add(1))
			_, err := callers.Get(t.Context(), callerOf(number), source.to(number))
			return err
		}
		fail := func() {
			began := time.Now()
			var unavailable *UnavailableError
			if err := get(); !errors.As(err, &unavailable) || time.Since(began) > timeout {
				t.Errorf("after %s: %v", time.Since(began), err)
			}
		}
		during(timeout, each, fail) // until it is known that it responds to none
		time.Sleep(timeout)
		_, before := source.most()
		during(2*time.Minute, each, fail)
		if _, peak := source.most(); peak != before || peak > 2*maxUnanswered {
			t.Errorf("%d at once, and then %d", before, peak)
		}
		during(timeout/2, each, fail)
		back.Store(true)
		for range 100 {
			if err := get(); err != nil {
				t.Errorf("when it is back: %v", err)
			}
		}
		time.Sleep(time.Minute)
	})
}

// When no caller can reach it, all pause, but for one in each pause that has not
// failed itself; and when the source is back it is noticed by the next caller.
func TestASourceThatNoCallerReachesIsAskedByFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers := NewCallers(testThreshold, SystemClock())
		down, up := &issuer{takes: 5 * time.Second, err: ErrUnreachable}, new(issuer)
		var number, atOnce atomic.Int64
		get := func(issuer *issuer) error {
			number := int(number.Add(1))
			_, err := callers.Get(t.Context(), callerOf(number), issuer.to(number))
			return err
		}
		during(time.Hour, 100*time.Millisecond, func() {
			began := time.Now()
			var unavailable *UnavailableError
			if err := get(down); !errors.As(err, &unavailable) {
				t.Errorf("got %v", err)
			}
			if time.Since(began) == 0 {
				atOnce.Add(1)
			}
		})
		// As long as no caller is known to have failed, all ask. Pauses are jittered,
		// so the counts vary.
		if asked := down.calls.Load(); asked > 1500 || atOnce.Load() < 33_000 {
			t.Errorf("asked %d times; %d failed at once", asked, atOnce.Load())
		}
		time.Sleep(time.Minute)
		for range 100 {
			if err := get(up); err != nil {
				t.Errorf("when it is back: %v", err)
			}
		}
	})
}

// Who reaches a source ends the pause of all, though it hangs for him.
func TestAConnectionEndsThePauseOfAllCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		callers, down, up := NewCallers(testThreshold, SystemClock()), &issuer{err: ErrUnreachable}, new(issuer)
		for number := range 3 { // the third is the one that may try first
			_, _ = callers.Get(t.Context(), callerOf(number), down.to(number))
		}
		if _, err := callers.Get(t.Context(), callerOf(3), up.to(3)); !errors.Is(err, ErrUnreachable) {
			t.Errorf("in the pause: %v", err)
		}
		time.Sleep(4 * time.Second)
		go func() {
			_, _ = callers.Get(t.Context(), callerOf(4), func(ctx context.Context, _ Asking) (Token, error) {
				time.Sleep(time.Second)
				Reached(ctx)
				time.Sleep(time.Minute)
				return Token{}, context.DeadlineExceeded
			})
		}()
		time.Sleep(500 * time.Millisecond)
		if _, err := callers.Get(t.Context(), callerOf(5), up.to(5)); !errors.Is(err, ErrUnreachable) {
			t.Errorf("while another tries: %v", err)
		}
		time.Sleep(time.Second)
		if _, err := callers.Get(t.Context(), callerOf(6), up.to(6)); err != nil {
			t.Errorf("when the source is reached: %v", err)
		}
		time.Sleep(time.Minute)
	})
}

// In the pause that follows two who could not reach it, another may try first.
func TestAnotherCallerMayTryFirst(t *testing.T) {
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
			t.Errorf("another caller: %v", err)
		}
		if err := get(6, up); err != nil {
			t.Errorf("who comes after a response: %v", err)
		}
	})
}

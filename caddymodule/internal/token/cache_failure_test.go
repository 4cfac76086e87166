// SPDX-License-Identifier: Apache-2.0

package token

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// failures are the ways in which a source can fail, each with its cause.
var failures = map[string]struct {
	source Source
	cause  error
}{
	"down":         {failing(errDown), errDown},
	"unreachable":  {failing(fmt.Errorf("no route: %w", ErrUnreachable)), ErrUnreachable},
	"lying":        {minted(0), ErrExpired},
	"of yesterday": {minted(-24 * time.Hour), ErrExpired},
}

// The valid token is used past its threshold, and never past its expiry. No
// upload waits for the source that fails.
func TestWhileASourceFailsTheValidTokenIsUsed(t *testing.T) {
	for name, failure := range failures {
		for _, takes := range []time.Duration{0, 20 * time.Second} {
			t.Run(fmt.Sprintf("%s, after %s", name, takes), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := simulate(t)
					token := s.mustUpload()
					s.set(takes, failure.source)
					during(testLifetime, 500*time.Millisecond, func() {
						if got := s.mustUpload(); got != token {
							t.Errorf("%v, not %v", got, token)
						}
					})
					if calls := s.calls(); calls < 10 || calls > 45 || s.most() != 1 {
						t.Errorf("%d calls, %d at once", calls, s.most())
					}
					synctest.Wait()
					_, took, err := s.upload()
					var unavailable *UnavailableError
					if !errors.As(err, &unavailable) || !errors.Is(err, failure.cause) || took > takes {
						t.Errorf("when it has expired: %v, after a wait of %s", err, took)
					}
				})
			})
		}
	}
}

// Also when the failure is not known yet, as there was no upload meanwhile.
func TestAnUploadPastTheThresholdGetsTheValidTokenIfTheSourceFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		token := s.mustUpload()
		s.set(20*time.Second, failing(errDown))
		time.Sleep(testLifetime - testThreshold)
		if got, took, err := s.upload(); got != token || took != maxWait || err != nil {
			t.Errorf("the first: %v, %v, after a wait of %s", got, err, took)
		}
		time.Sleep(21 * time.Second) // the next one asks, and does not wait
		if got := s.mustUpload(); got != token {
			t.Errorf("the second: %v", got)
		}
		synctest.Wait()
		if s.calls() != 3 {
			t.Errorf("%d calls", s.calls())
		}
	})
}

// No upload queues for a source that fails: one waits for the next attempt,
// and all others fail at once.
func TestWhileThereIsNoTokenOneUploadAsksAndOthersFailAtOnce(t *testing.T) {
	for name, failure := range failures {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := simulate(t)
				const takes = 5 * time.Second
				s.set(takes, failure.source)
				if longest, granted := s.uploads(1000); granted != 0 || longest != takes || s.calls() != 1 {
					t.Errorf("%d tokens, %d calls, the longest wait was %s", granted, s.calls(), longest)
				}
				var waited atomic.Int32
				during(time.Hour, 100*time.Millisecond, func() {
					_, took, err := s.upload()
					var unavailable *UnavailableError
					switch {
					case !errors.As(err, &unavailable) || !errors.Is(err, failure.cause):
						t.Errorf("got %v", err)
					case unavailable.RetryAfter < time.Second || unavailable.RetryAfter > time.Minute:
						t.Errorf("to be asked again after %s", unavailable.RetryAfter)
					case took == takes:
						waited.Add(1)
					case took != 0:
						t.Errorf("a wait of %s", took)
					}
				})
				if calls := s.calls(); int(waited.Load()) != calls-1 || s.most() != 1 {
					t.Errorf("%d uploads waited for %d calls, %d at once", waited.Load(), calls, s.most())
				}
			})
		})
	}
}

// Nothing is left, so the pauses do not grow beyond what it may take to notice
// that the source is back.
func TestThePausesGrowAndDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := make(map[time.Duration]bool)
		for range 20 {
			s := simulate(t)
			s.set(0, failing(errDown))
			during(10*time.Minute, 10*time.Millisecond, func() { _, _, _ = s.upload() })
			mean := time.Second
			for i, pause := range s.gaps() {
				if pause < min(mean/2, emptyPause*3/4) || pause > min(mean*3/2, emptyPause)+10*time.Millisecond {
					t.Errorf("pause %d: %s", i, pause)
				}
				seen[pause] = true
				mean = min(2*mean, 40*time.Second)
			}
			if calls := s.calls(); calls < 140 || calls > 210 {
				t.Errorf("%d calls in ten minutes", calls)
			}
		}
		if len(seen) < 80 {
			t.Errorf("%d different pauses", len(seen))
		}
	})
}

// While a token is left, they grow to a minute.
func TestThePausesAreLongerWhileATokenIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		s.set(0, minted(24*time.Hour))
		s.mustUpload()
		s.set(0, failing(errDown))
		during(24*time.Hour-time.Second, 10*time.Second, func() { s.mustUpload() })
		gaps, calls := s.gaps(), s.calls()
		if slices.Max(gaps[1:]) < 55*time.Second || slices.Max(gaps[1:]) > 71*time.Second || calls > 800 {
			t.Errorf("the longest was %s, with %d calls", slices.Max(gaps[1:]), calls)
		}
		// It expires in the middle of one, and the source is back.
		time.Sleep(2 * time.Second)
		s.set(0, minted(testLifetime))
		time.Sleep(emptyPause)
		s.mustUpload()
	})
}

// wanting is a failure that says when to ask again.
type wanting time.Duration

func (wanting) Error() string               { return "429 Too Many Requests" }
func (w wanting) RetryAfter() time.Duration { return time.Duration(w) }

// A source that says how long it wants to be left alone is left alone for as
// long, within a bound, and those that come meanwhile fail.
func TestASourceIsLeftAloneForAsLongAsItSays(t *testing.T) {
	for wants, want := range map[time.Duration]time.Duration{
		20 * time.Second: 20 * time.Second, 45 * time.Second: 45 * time.Second, time.Hour: MaxRetryAfter,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := simulate(t)
			s.set(0, failing(fmt.Errorf("resolver: %w", wanting(wants))))
			if got := s.mustFail().RetryAfter; got != want {
				t.Errorf("to be asked again after %s, not %s", got, want)
			}
			s.set(0, minted(testLifetime))
			during(want-time.Second, time.Second, func() { s.mustFail() })
			if s.calls() != 1 {
				t.Errorf("%d calls in %s", s.calls(), want)
			}
			time.Sleep(time.Second)
			s.mustUpload()
		})
	}
}

func TestAnUploadThatComesBackWhenDueMayAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		for round := range 40 { // whatever it is that fails
			s.set(0, failing([]error{errDown, ErrUnreachable, ErrUnreachable}[round%3]))
			s.mustFail() // asks, or comes too early
			unavailable, before := s.mustFail(), s.calls()
			if time.Sleep(unavailable.RetryAfter - time.Second); s.mustFail().RetryAfter != time.Second || s.calls() != before {
				t.Errorf("a second before %s are over: %d calls", unavailable.RetryAfter, s.calls()-before)
			}
			time.Sleep(time.Second)
			asked, next := s.mustFail(), s.mustFail()
			if s.calls() != before+1 || asked.RetryAfter != next.RetryAfter {
				t.Errorf("after %s: %d calls; the one that asked waited for %s and the next %s",
					unavailable.RetryAfter, s.calls()-before, asked.RetryAfter, next.RetryAfter)
			}
		}
		unavailable := s.mustFail()
		s.set(0, minted(testLifetime))
		time.Sleep(unavailable.RetryAfter)
		s.mustUpload()
	})
}

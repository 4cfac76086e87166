// SPDX-License-Identifier: Apache-2.0

package token

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestClockShowsTheMachinesTimeCorrected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := SystemClock()
		time.Sleep(time.Hour)
		for _, offset := range []time.Duration{0, 90 * time.Second, -24 * time.Hour} {
			clock.Correct(offset)
			if now := clock.Now(); !now.Wall.Equal(time.Now().Add(offset)) || now.Elapsed != time.Hour || clock.Offset() != offset {
				t.Errorf("corrected by %s: %v", offset, now)
			}
		}
	})
}

// An offset is that of a clock which is stepped no more: when an operator or NTP sets it right, or
// the machine has slept, the correction ends, so that it is measured again.
func TestACorrectionEndsWhenTheClockIsStepped(t *testing.T) {
	for name, test := range map[string]struct {
		step time.Duration
		ends bool
	}{
		"not at all":          {0, false},
		"slewed":              {20 * time.Second, false},
		"slewed back":         {-20 * time.Second, false},
		"set right":           {12 * time.Hour, true},
		"set right, back":     {-12 * time.Hour, true},
		"by a minute":         {time.Minute, true},
		"back by two minutes": {-2 * time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, step := time.Now(), time.Duration(0)
				clock := NewClock(func() Reading { return Reading{Wall: time.Now().Add(step), Elapsed: time.Since(start)} })
				time.Sleep(time.Hour)
				clock.Correct(12 * time.Hour)
				time.Sleep(48 * time.Hour)
				if offset := clock.Offset(); offset != 12*time.Hour {
					t.Fatalf("two days later the clock is corrected by %s", offset)
				}
				step = test.step
				want := 12 * time.Hour
				if test.ends {
					want = 0
				}
				if now := clock.Now().Wall; !now.Equal(time.Now().Add(step+want)) || clock.Offset() != want {
					t.Errorf("corrected by %s", clock.Offset())
				}
				if step = 0; test.ends && clock.Offset() != 0 {
					t.Errorf("a step back has the old correction hold again: %s", clock.Offset())
				}
				clock.Correct(time.Minute)
				if offset := clock.Offset(); offset != time.Minute {
					t.Errorf("measured again, the clock is corrected by %s", offset)
				}
			})
		})
	}
}

// A clock that is stepped back makes no token live longer, and one that is
// stepped forward and back costs one call at most.
func TestTheClockMayBeStepped(t *testing.T) {
	tests := map[string]struct {
		step, used time.Duration
	}{
		"not at all":              {0, testLifetime - testThreshold},
		"back by an hour":         {-time.Hour, testLifetime - testThreshold},
		"back by a year":          {-365 * 24 * time.Hour, testLifetime - testThreshold},
		"forward by five minutes": {5 * time.Minute, testLifetime - testThreshold - 5*time.Minute},
		"forward by an hour":      {time.Hour, 5 * time.Minute},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := simulate(t)
				first := s.mustUpload()
				time.Sleep(5 * time.Minute)
				s.stepClock(test.step)
				for s.mustUpload() == first {
					time.Sleep(time.Second)
				}
				// It is renewed ahead in the last quarter.
				switch used := s.clock.Now().Elapsed; {
				case used > test.used:
					t.Errorf("the token was used for %s", used)
				case used < test.used-5*time.Minute:
					t.Errorf("the token was used for %s only", used)
				}
				before := s.calls()
				during(10*time.Minute, time.Second, func() { s.mustUpload() })
				s.stepClock(0)
				during(20*time.Minute, time.Second, func() { s.mustUpload() })
				if calls := s.calls() - before; calls > 3 {
					t.Errorf("%d calls in half an hour", calls)
				}
			})
		})
	}
}

// The pauses between attempts do not depend on the time of day.
func TestASteppedClockDoesNotStopTheAttempts(t *testing.T) {
	for _, step := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		for _, held := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				s := simulate(t)
				if held {
					s.mustUpload()
				}
				s.set(0, failing(errDown))
				during(testLifetime-time.Minute, time.Second, func() { _, _, _ = s.upload() })
				s.stepClock(step)
				before := s.calls()
				during(10*time.Minute, time.Second, func() { _, _, _ = s.upload() })
				if calls := s.calls() - before; calls < 8 {
					t.Errorf("%d attempts in ten minutes after a step of %s", calls, step)
				}
				s.set(0, minted(testLifetime))
				during(time.Minute, time.Second, func() { _, _, _ = s.upload() })
				s.mustUpload()
			})
		}
	}
}

// A token ages also while it is on its way, and when the clock is stepped back
// meanwhile.
func TestATokenThatTookLongerThanItLivesIsNotUsed(t *testing.T) {
	for _, step := range []time.Duration{0, -time.Hour, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			s := simulate(t)
			s.set(testLifetime, minted(testLifetime))
			time.AfterFunc(time.Minute, func() { s.stepClock(step) })
			if _, _, err := s.upload(); err == nil {
				t.Errorf("after a step of %s: a token that has expired on its way", step)
			}
		})
	}
}

func TestACorrectedClockIsTheTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		s.clock.Correct(time.Hour)
		if token, want := s.mustUpload(), time.Now().Add(time.Hour+testLifetime).Unix(); token.Expire != want {
			t.Errorf("expires at %d, not %d", token.Expire, want)
		}
	})
}

// The service's clock may be found to be ahead while a source is asked, by more than its
// tokens live. That is no failure of the source, and costs no upload.
func TestATokenThatExpiresByAStepOfTheClockIsAskedForAgain(t *testing.T) {
	for name, step := range map[string]func(*simulation){
		"the machine's":           func(s *simulation) { s.stepClock(2 * testLifetime) },
		"the service's, measured": func(s *simulation) { s.clock.Correct(2 * testLifetime) },
	} {
		for _, held := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, with a token: %v", name, held), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := simulate(t)
					calls := 2
					if held {
						s.mustUpload()
						time.Sleep(testLifetime - testThreshold) // it is renewed
						calls++
					}
					s.set(500*time.Millisecond, minted(testLifetime))
					time.AfterFunc(250*time.Millisecond, func() { step(s) })
					if token, _, err := s.upload(); err != nil || token.Expire <= s.clock.Now().Wall.Unix() || s.calls() != calls {
						t.Errorf("%v, %v at %s, after %d calls", token, err, s.clock.Now().Wall, s.calls())
					}
					if pause, cause := s.cache.pause(s.clock.Now()); cause != nil {
						t.Errorf("the source is not asked for %s: %v", pause, cause)
					}
				})
			})
		}
	}
}

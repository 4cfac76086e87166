// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// In the steady state no upload waits, however long the source takes, and the
// token is renewed once in its lifetime.
func TestSteadyUseNeverWaitsAndRenewsOncePerLifetime(t *testing.T) {
	for _, takes := range []time.Duration{0, 4 * time.Second, time.Minute} {
		t.Run(takes.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := simulate(t)
				s.mustUpload()
				s.set(takes, minted(testLifetime))
				during(12*time.Hour, 1700*time.Millisecond, func() { s.mustUpload() })
				if s.most() != 1 {
					t.Errorf("%d calls at once", s.most())
				}
				if s.calls() < 36 {
					t.Errorf("%d calls", s.calls())
				}
				// From three quarters of the time in which it is used on, at
				// random in the first half of the last one, in whole seconds.
				for i, gap := range s.gaps() {
					if gap <= 15*time.Minute-time.Second || gap > 17*time.Minute+32*time.Second+takes {
						t.Errorf("call %d: %s after the one before", i+1, gap)
					}
				}
			})
		})
	}
}

func TestRenewalsOfManyGatewaysAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seconds := make(map[int64]bool)
		for range 100 {
			s := simulate(t)
			s.mustUpload()
			seconds[s.cache.current.Load().renewFrom.Load()] = true
		}
		if len(seconds) < 30 {
			t.Errorf("100 gateways renew in %d different seconds", len(seconds))
		}
	})
}

func TestAnIdleCacheIsNotRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		s.mustUpload()
		time.Sleep(48 * time.Hour)
		synctest.Wait()
		if s.calls() != 1 {
			t.Errorf("%d calls without an upload", s.calls())
		}
		s.mustUpload()
		if s.calls() != 2 {
			t.Errorf("%d calls with the next upload", s.calls())
		}
	})
}

// A source whose tokens live shorter than the threshold is not asked for every
// upload.
func TestShortLivedTokensAreNotACallPerUpload(t *testing.T) {
	tests := []struct {
		lifetime, takes time.Duration
		pause           time.Duration // between calls, at least
		waits           bool
	}{
		{testThreshold, 4 * time.Second, 225 * time.Second, false},
		{testThreshold + time.Second, 4 * time.Second, 225 * time.Second, false},
		{time.Minute, time.Second, 22 * time.Second, false},
		{5 * time.Second, 0, 2 * time.Second, false},
		{2 * time.Second, 0, time.Second, false},
		{time.Second, 0, time.Second, false},
		{5 * time.Second, time.Second, time.Second, true}, // there is no time to renew them ahead
	}
	for _, test := range tests {
		t.Run(test.lifetime.String()+" in "+test.takes.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := simulate(t)
				s.mustUpload()
				s.set(test.takes, minted(test.lifetime))
				time.Sleep(testLifetime)
				_, _, _ = s.upload()
				before := s.calls()
				const period = time.Hour
				during(period, 100*time.Millisecond, func() {
					if _, took, err := s.upload(); err != nil || took > test.takes || took > 0 && !test.waits {
						t.Errorf("%v, after a wait of %s", err, took)
					}
				})
				if calls := s.calls() - before; calls > int(period/test.pause)+1 || calls < int(period/test.lifetime)-1 {
					t.Errorf("%d calls in an hour", calls)
				}
			})
		})
	}
}

// Some sources keep a token themselves until it is about to expire, and some say
// nonsense about its age.
func TestTheSameTokenAgainAndAgainIsNotACallPerUpload(t *testing.T) {
	tests := map[string]func(Token, time.Time) int64{
		"issued when it was":         func(token Token, _ time.Time) int64 { return token.Issued },
		"issued at no known time":    func(Token, time.Time) int64 { return 0 },
		"issued now":                 func(_ Token, now time.Time) int64 { return now.Unix() },
		"issued before there was it": func(Token, time.Time) int64 { return 1 },
		"issued before 1970":         func(Token, time.Time) int64 { return math.MinInt64 },
		"issued tomorrow":            func(_ Token, now time.Time) int64 { return now.Add(24 * time.Hour).Unix() },
		"issued when it expires":     func(token Token, _ time.Time) int64 { return token.Expire },
		"issued at the end of time":  func(Token, time.Time) int64 { return math.MaxInt64 },
	}
	for name, issued := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := simulate(t)
				var kept Token
				s.set(0, func(_ context.Context, asking Asking) (Token, error) {
					if kept.Expired(asking.Now, 0) {
						kept = Mint("secret", asking.Now, testLifetime)
					}
					token := kept
					token.Issued = issued(kept, asking.Now)
					return token, nil
				})
				during(10*testLifetime, 900*time.Millisecond, func() { s.mustUpload() })
				if calls := s.calls(); calls > 10*60 {
					t.Errorf("%d calls in ten lifetimes", calls)
				}
			})
		})
	}
}

// An upload that uses a token which the source called old renews it in the time
// that is left, and not at once again.
func TestATokenThatComesLateIsUsedForAPartOfWhatIsLeft(t *testing.T) {
	tests := map[string]struct{ age, from, until time.Duration }{
		"young":               {10 * time.Minute, 5 * time.Minute, 10 * time.Minute},
		"due for renewal":     {16 * time.Minute, 3 * time.Minute, 4 * time.Minute},
		"past the threshold":  {20 * time.Minute, 225 * time.Second, 5 * time.Minute},
		"about to expire":     {29*time.Minute + 50*time.Second, 3 * time.Second, 5 * time.Second},
		"in its last second":  {29*time.Minute + 59*time.Second, time.Second, time.Second},
		"older than it seems": {-time.Minute, (21*time.Minute*3 + 3*time.Second) / 4, 21 * time.Minute},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := simulate(t)
				s.set(0, func(_ context.Context, asking Asking) (Token, error) {
					return Mint("secret", asking.Now.Add(-test.age), testLifetime), nil
				})
				s.mustUpload()
				e, now := s.cache.current.Load(), time.Now().Unix()
				from, until := now+int64(test.from/time.Second), now+int64(test.until/time.Second)
				if got := e.renewFrom.Load(); e.useUntil != until || got < from || got > from+(until-from)/2 {
					t.Errorf("renewed from %d and used until %d, not %d and %d", got-now, e.useUntil-now, from-now, until-now)
				}
			})
		})
	}
}

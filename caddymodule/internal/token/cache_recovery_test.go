// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// One failure in the night does not make uploads fail that come together in the
// morning.
func TestAFailureOfLongAgoIsForgotten(t *testing.T) {
	for _, cause := range []error{errDown, ErrUnreachable} {
		for idle, want := range map[time.Duration]int{5 * time.Minute: 1, 15 * time.Minute: 10} {
			synctest.Test(t, func(t *testing.T) {
				s := simulate(t)
				s.set(0, failing(cause))
				s.mustFail()
				time.Sleep(idle)
				s.set(4*time.Second, minted(testLifetime))
				if longest, granted := s.uploads(10); granted != want || longest != 4*time.Second || s.calls() != 2 {
					t.Errorf("%s after %v: %d of 10 got a token, the longest wait was %s, %d calls", idle, cause, granted, longest, s.calls())
				}
			})
		}
	}
}

// A renewal that failed is tried again before the threshold.
func TestARenewalThatFailedIsTriedAgainAhead(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			s := simulate(t)
			first := s.mustUpload()
			s.set(0, failing(errDown))
			during(testLifetime-testThreshold-90*time.Second, 300*time.Millisecond, func() { s.mustUpload() })
			s.set(0, minted(testLifetime))
			during(61*time.Second, 300*time.Millisecond, func() { s.mustUpload() })
			if s.mustUpload() == first {
				t.Errorf("the first token is in use half a minute before its threshold, after %d calls", s.calls())
			}
		})
	}
}

// Also if the last attempt before it was back took its time.
func TestASourceThatIsBackIsNoticedWithinFiveSeconds(t *testing.T) {
	for name, failure := range failures {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := simulate(t)
				s.set(0, failure.source)
				during(3*time.Hour, time.Second, func() { s.mustFail() })
				for _, takes := range []time.Duration{0, time.Second, 4 * time.Second, 4900 * time.Millisecond} {
					s.cache.Clear()
					s.set(takes, failure.source)
					during(time.Minute, 100*time.Millisecond, func() { _, _, _ = s.upload() })
					s.set(0, minted(testLifetime))
					time.Sleep(5 * time.Second)
					if _, held := s.cache.Current(); held {
						t.Error("no upload came, and there is a token")
					}
					s.mustUpload()
				}
				before := s.calls()
				during(14*time.Minute, time.Second, func() { s.mustUpload() })
				if calls := s.calls() - before; calls > 1 {
					t.Errorf("%d calls by uploads that have a token", calls)
				}
			})
		})
	}
}

func TestAnyResponseEndsTheFailure(t *testing.T) {
	for _, source := range []Source{minted(5 * time.Second), failing(ErrRefused)} {
		synctest.Test(t, func(t *testing.T) {
			s := simulate(t)
			s.set(0, failing(errDown))
			s.mustFail()
			time.Sleep(2 * time.Second)
			s.set(0, source)
			_, _, _ = s.upload()
			time.Sleep(10 * time.Second)
			s.set(4*time.Second, minted(testLifetime))
			if longest, granted := s.uploads(10); granted != 10 || longest != 4*time.Second || s.calls() != 3 {
				t.Errorf("%d of 10 got a token, the longest wait was %s, %d calls", granted, longest, s.calls())
			}
		})
	}
}

// While a source comes and goes for less than the time that is left when it is
// asked ahead, no upload notices.
func TestASourceThatFlapsIsNotNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		s.mustUpload()
		began := time.Now()
		s.set(3*time.Second, func(ctx context.Context, asking Asking) (Token, error) {
			if time.Since(began)/(10*time.Minute)%2 == 1 {
				return Token{}, ErrUnreachable
			}
			return minted(testLifetime)(ctx, asking)
		})
		during(48*time.Hour, 3*time.Second, func() { s.mustUpload() })
		if s.most() != 1 {
			t.Errorf("%d calls at once", s.most())
		}
	})
}

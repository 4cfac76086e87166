// SPDX-License-Identifier: Apache-2.0

package token

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// hanging is how long a source hangs before it fails.
const hanging = 20800 * time.Millisecond

// While a source hangs, the token that there is serves: the first upload that
// finds it past its threshold waits for a second, and the others not at all.
func TestAHeldTokenServesWhileASourceHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		token := s.mustUpload()
		s.set(hanging, failing(ErrUnreachable))
		time.Sleep(testLifetime - testThreshold + 2*time.Second) // valid for another 598 s
		if longest, granted := s.uploads(1000); granted != 1000 || longest != maxWait {
			t.Errorf("%d uploads got a token, the longest wait was %s", granted, longest)
		}
		during(testThreshold-10*time.Second, 500*time.Millisecond, func() {
			if got, took, err := s.upload(); got != token || took > maxWait || err != nil {
				t.Errorf("%v, %v, after a wait of %s", got, err, took)
			}
		})
		if calls := s.calls(); calls > 30 || s.most() != 1 {
			t.Errorf("%d calls, %d at once", calls, s.most())
		}
	})
}

// An upload that begins while a token is valid gets it, however short it lives.
func TestAnUploadThatBeginsWhileATokenIsValidGetsIt(t *testing.T) {
	for _, lifetime := range []time.Duration{2 * time.Second, 5 * time.Second, 12 * time.Second, time.Minute} {
		for _, idle := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				s := simulate(t)
				s.set(0, minted(lifetime))
				token := s.mustUpload()
				s.set(hanging, failing(ErrUnreachable))
				if idle { // no upload sets off the renewal ahead
					time.Sleep(lifetime/2 + time.Second/2)
				}
				for left := time.Until(time.Unix(token.Expire, 0)); left > 0; left = time.Until(time.Unix(token.Expire, 0)) {
					if got, took, err := s.upload(); got != token || took > maxWait || took > left || err != nil {
						t.Errorf("%s before a token of %s expires: %v after %s", left, lifetime, err, took)
					}
					time.Sleep(130 * time.Millisecond)
				}
			})
		}
	}
}

// An upload that has a token from elsewhere waits for a second at most, from when the
// source was asked, and takes the source's own if that comes earlier.
func TestWhoHasATokenFromElsewhereDoesNotWaitForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		s.set(hanging, failing(ErrUnreachable))
		for _, want := range []time.Duration{maxWait, 0, 0} {
			began := time.Now()
			var unavailable *UnavailableError
			if _, err := s.cache.GetSoon(t.Context(), s.source); !errors.As(err, &unavailable) || !errors.Is(err, ErrSlow) || time.Since(began) != want {
				t.Errorf("%v after %s", err, time.Since(began))
			}
		}
		time.Sleep(hanging - maxWait + minEmptyPause/2)
		if _, err := s.cache.GetSoon(t.Context(), s.source); !errors.Is(err, ErrUnreachable) {
			t.Errorf("in the pause: %v", err)
		}
		time.Sleep(2 * time.Minute)
		s.set(maxWait/2, minted(testLifetime))
		for _, want := range []time.Duration{maxWait / 2, 0} {
			began := time.Now()
			if _, err := s.cache.GetSoon(t.Context(), s.source); err != nil || time.Since(began) != want {
				t.Errorf("%v after %s", err, time.Since(began))
			}
		}
		// Otherwise it is waited for.
		s.cache.Clear()
		s.set(hanging, minted(testLifetime))
		if _, took, err := s.upload(); err != nil || took != hanging {
			t.Errorf("without another: %v after %s", err, took)
		}
	})
}

// Nothing stands in for what a source refuses, though it takes its time.
func TestASlowRefusalIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		s.set(3*time.Second, failing(ErrRefused))
		if _, err := s.cache.GetSoon(t.Context(), s.source); !errors.Is(err, ErrSlow) {
			t.Errorf("as long as nothing is known: %v", err)
		}
		time.Sleep(3 * time.Second)
		for range 3 {
			if _, err := s.cache.GetSoon(t.Context(), s.source); !errors.Is(err, ErrRefused) {
				t.Errorf("afterwards: %v", err)
			}
		}
		s.set(hanging, minted(testLifetime))
		if _, err := s.cache.GetSoon(t.Context(), s.source); err != nil {
			t.Errorf("when it refuses no more: %v", err)
		}
	})
}

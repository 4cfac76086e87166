// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestARefusalDropsTheTokenAndKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		token := s.mustUpload()
		s.set(4*time.Second, failing(ErrRefused))
		time.Sleep(testLifetime - testThreshold - 2*time.Second)
		if got := s.mustUpload(); got != token { // begins the renewal
			t.Errorf("before the refusal: %v", got)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if held, ok := s.cache.Current(); ok {
			t.Errorf("after the refusal there is still %v", held)
		}
		before := s.calls()
		for range 3 {
			if _, took, err := s.upload(); !errors.Is(err, ErrRefused) || took != 4*time.Second {
				t.Errorf("the next upload: %v, after a wait of %s", err, took)
			}
		}
		if calls := s.calls() - before; calls != 3 {
			t.Errorf("%d calls for three uploads", calls)
		}
		s.set(0, minted(testLifetime))
		s.mustUpload()
	})
}

func TestARefusalIsForAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		s.mustUpload()
		time.Sleep(testLifetime - testThreshold) // there is a valid token
		s.set(maxWait-time.Millisecond, failing(ErrRefused))
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				if _, _, err := s.upload(); !errors.Is(err, ErrRefused) {
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if s.calls() != 2 {
			t.Errorf("%d calls", s.calls())
		}
	})
}

func TestARejectedTokenIsDroppedAndTheSourceLearnsOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		var asked []Asking
		s.set(0, func(ctx context.Context, asking Asking) (Token, error) {
			asked = append(asked, asking)
			return minted(testLifetime)(ctx, asking)
		})
		first := s.mustUpload()
		if s.cache.Drop(Token{Signature: first.Signature, Expire: first.Expire + 1}, Rejection{}) {
			t.Error("another token was dropped")
		}
		if !s.cache.Drop(first, Rejection{}) {
			t.Error("the token was not dropped")
		}
		if s.cache.Drop(first, Rejection{}) {
			t.Error("the token was dropped twice")
		}
		second := s.mustUpload()
		time.Sleep(minDropPause - time.Millisecond)
		if s.cache.Drop(second, Rejection{}) {
			t.Error("the next was dropped before the pause was over")
		}
		time.Sleep(time.Second)
		second = s.mustUpload()
		if !s.cache.Drop(second, Rejection{}) {
			t.Error("the next was not dropped when the pause was over")
		}
		third := s.mustUpload()
		time.Sleep(testLifetime - testThreshold - time.Second)
		s.mustUpload() // renews ahead
		synctest.Wait()
		fourth := s.mustUpload()
		s.cache.Drop(fourth, Rejection{})
		s.cache.Clear() // after which the other says nothing
		s.mustUpload()
		for i, want := range []Asking{{}, {Rejected: first}, {Rejected: second}, {Held: third}, {}} {
			if asked[i].Held != want.Held || asked[i].Rejected != want.Rejected {
				t.Errorf("call %d: %v", i, asked[i])
			}
		}
	})
}

// What was asked for before a token was dropped, or the source changed, is not
// used; and there is still one refresh at a time.
func TestARefreshUnderWayIsForgottenWithTheToken(t *testing.T) {
	forget := map[string]func(*Cache, Token){
		"dropped": func(cache *Cache, token Token) { cache.Drop(token, Rejection{}) },
		"changed": func(cache *Cache, _ Token) { cache.Clear() },
	}
	sources := map[string]Source{
		"a token":   minted(testLifetime),
		"a failure": failing(errDown),
		"a refusal": failing(ErrRefused),
	}
	for how, forget := range forget {
		for yields, source := range sources {
			t.Run(how+", then "+yields, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := simulate(t)
					token := s.mustUpload()
					s.set(10*time.Second, source)
					time.Sleep(testLifetime - testThreshold - time.Second)
					s.mustUpload()
					synctest.Wait()
					forget(s.cache, token)
					s.set(5*time.Second, minted(testLifetime+time.Hour))
					time.Sleep(time.Second)
					if longest, granted := s.uploads(100); granted != 100 || longest != 14*time.Second {
						t.Errorf("%d tokens, the longest wait was %s", granted, longest)
					}
					if got := s.mustUpload(); got.Expire-got.Issued < int64(time.Hour/time.Second) {
						t.Errorf("got %v, of the source as it was", got)
					}
					if s.calls() != 3 || s.most() != 1 {
						t.Errorf("%d calls, %d at once", s.calls(), s.most())
					}
				})
			})
		}
	}
}

func TestAChangedSourceIsAskedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, cause := range []error{errDown, ErrUnreachable} {
			s := simulate(t)
			s.set(0, failing(cause))
			during(time.Hour, time.Second, func() { s.mustFail() })
			s.cache.Clear()
			s.set(0, minted(testLifetime))
			s.mustUpload()
		}
	})
}

// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// distinct is a source whose tokens all differ.
func distinct(ctx context.Context, asking Asking) (Token, error) {
	return minted(testLifetime+time.Duration(asking.Now.UnixNano()%1000)*time.Second)(ctx, asking)
}

// While rejections go on, tokens are dropped at growing intervals, from a second
// to a minute; when one is accepted that took the place of a bad one, they begin
// anew.
func TestThePausesBetweenDropsGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		s.set(0, distinct)
		for range 3 {
			last, want := time.Time{}, time.Duration(0)
			for drops := 0; drops < 16; time.Sleep(100*time.Millisecond + 1) {
				if !s.cache.Drop(s.mustUpload(), Rejection{}) {
					continue
				}
				if pause := time.Since(last); drops > 0 && (pause < want || pause > want+200*time.Millisecond) {
					t.Errorf("drop %d after %s, not %s", drops, pause, want)
				}
				last, want = time.Now(), min(max(want*3/2, minDropPause), maxDropPause)
				drops++
			}
			s.cache.Accept(s.mustUpload())
		}
	})
}

// One that was accepted before and then rejected may be good, and the client at
// fault: the acceptance of the next proves nothing, and the pauses go on growing.
func TestAClientThatCausesRejectionsDoesNotMakeTheSourceBeCalledWithoutBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		s.set(0, distinct)
		for range 36_000 { // an hour of uploads, half of which are rejected
			token := s.mustUpload()
			s.cache.Accept(token)
			s.cache.Drop(token, Rejection{Alone: true})
			time.Sleep(100*time.Millisecond + 1)
		}
		if calls := s.calls(); calls > 75 {
			t.Errorf("%d calls in an hour", calls)
		}
		time.Sleep(dropMemory)
		token := s.mustUpload()
		if !s.cache.Drop(token, Rejection{}) {
			t.Error("that is not forgotten")
		}
		token = s.mustUpload()
		time.Sleep(minDropPause)
		if !s.cache.Drop(token, Rejection{}) {
			t.Error("the pauses do not begin anew")
		}
	})
}

// A token that was accepted and is said to be invalid serves until there is
// another, since no other upload can be sure that it is.
func TestATokenThatWasAcceptedServesUntilThereIsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		token := s.mustUpload()
		s.cache.Accept(token)
		s.set(hanging, failing(ErrUnreachable))
		if !s.cache.Drop(token, Rejection{Alone: true}) {
			t.Error("no other is to be got")
		}
		began := time.Now()
		if got, err := s.cache.GetAnother(t.Context(), s.source); err != nil || got != token || time.Since(began) != hanging {
			t.Errorf("the upload that was rejected: %v, %v after %s", got, err, time.Since(began))
		}
		during(testLifetime-time.Minute, time.Second, func() {
			if got, took, err := s.upload(); got != token || err != nil || took > maxWait {
				t.Errorf("others: %v, %v after %s", got, err, took)
			}
		})
		synctest.Wait()
		s.set(3*time.Second, distinct)
		time.Sleep(time.Hour)
		token = s.mustGet(3 * time.Second)
		s.cache.Accept(token)
		time.Sleep(minDropPause)
		s.cache.Drop(token, Rejection{Alone: true})
		if got, err := s.cache.GetAnother(t.Context(), s.source); err != nil || got == token {
			t.Errorf("when the source responds, the upload that was rejected: %v, %v", got, err)
		}
		if s.mustUpload() == token {
			t.Error("the old token is in use")
		}
		// One that was never accepted, or for which something else stands in, is
		// forgotten, and so is one that the service is sure of.
		for _, why := range []Rejection{{Sure: true, Alone: true}, {}} {
			s.cache.Clear()
			token := s.mustGet(3 * time.Second)
			s.cache.Accept(token)
			s.cache.Drop(token, why)
			if _, held := s.cache.Current(); held {
				t.Errorf("%v: it is still there", why)
			}
		}
	})
}

// mustGet is an upload that gets a token after a wait.
func (s *simulation) mustGet(want time.Duration) Token {
	s.t.Helper()
	token, took, err := s.upload()
	if err != nil || took != want {
		s.t.Errorf("%v after %s", err, took)
	}
	return token
}

// What no client can have caused, such as an access token that is used up, makes
// way for the next however soon that is.
func TestATokenThatIsUsedUpIsDroppedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t)
		callers, issuer := NewCallers(testThreshold, s.clock), new(issuer)
		for range 20 {
			token := s.mustUpload()
			s.cache.Accept(Token{Signature: token.Signature, Expire: token.Expire + 1}) // another
			s.cache.Accept(token)
			if !s.cache.Drop(token, Rejection{Sure: true}) {
				t.Error("it was not dropped")
			}
			token, err := callers.Get(t.Context(), callerOf(0), issuer.to(0))
			callers.Accept(callerOf(1), token)
			callers.Accept(callerOf(0), token)
			if !callers.Drop(callerOf(0), token, Rejection{Sure: true}) || err != nil {
				t.Errorf("a caller's was not dropped, %v", err)
			}
			time.Sleep(time.Second)
		}
		if s.cache.Drop(s.mustUpload(), Rejection{Sure: true}) {
			t.Error("one that was not accepted was dropped")
		}
		if _, err := callers.GetAnother(t.Context(), callerOf(0), failing(errDown)); !errors.Is(err, errDown) {
			t.Errorf("got %v", err)
		}
	})
}

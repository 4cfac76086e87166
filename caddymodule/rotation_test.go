// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

const (
	mayBeClient = "the Upload API does not take an upload's credential; that may be its client's doing, unless nothing is accepted for long, rejection "
	keyWorks    = "the Upload API takes what another secret key signs; that key signs from now on, secret_key "
	takenAgain  = "the Upload API takes the project's credentials again"
	noKeyWorks  = "the Upload API takes what none of the secret keys signs; none of them belongs to the project"
)

// withKeys returns the config of a project with several secret keys.
func withKeys(scheme string, keys ...string) string {
	return fmt.Sprintf(`{"projects":[{"public_key":"demopublickey","scheme":%q,"source":{"module":"secret_key","keys":["%s"]}}]}`, scheme, strings.Join(keys, `","`))
}

// large is a form that is not kept.
func (s *service) large(sign *Sign) string {
	s.t.Helper()
	w := s.send(sign, uploadRequest(formOfSize(s.t, maxKeptSize+1)))
	if w.Code == 200 {
		return "accepted"
	}
	return w.Body.String()
}

// A secret key that the service does not take gives way to the next, in one
// request if it can be made again, and from then on for all.
func TestSecretKeysAreTriedOneAfterTheOther(t *testing.T) {
	for scheme, invalid := range map[string]string{schemeSignature: "Invalid signature.", schemeToken: "Invalid token. Reason: signature does not match"} {
		t.Run(scheme, func(t *testing.T) {
			for works, told := range [][]string{
				nil,
				{mayBeClient + "invalid", keyWorks + "2 of 3"},
				{mayBeClient + "invalid", keyWorks + "3 of 3"},
			} {
				t.Run(fmt.Sprint(works+1), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						time.Sleep(untilTenDigits)
						keys := []string{"canary-1", "canary-2", "canary-3"}
						sign := mustSign(t, withKeys(scheme, keys...))
						logs := observeAll(sign)
						upstream := &service{t: t, secret: keys[works]}
						for range 3 {
							if got := upstream.upload(sign); got != "accepted" {
								t.Error(got)
							}
							time.Sleep(time.Hour)
						}
						want := []string{"accepted", "accepted", "accepted"}
						for range works {
							want = append([]string{invalid}, want...)
						}
						wantSaid(t, "the service said", upstream.said(), want...)
						wantSaid(t, "the operator is told", operatorLog(logs), told...)
					})
				})
			}
		})
	}
}

// A stream cannot be sent again: when nothing has been accepted for a minute, one
// is tried with another key.
func TestStreamsTryTheSecretKeysUploadByUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		sign := mustSign(t, withKeys(schemeSignature, "canary-1", "canary-2", "canary-3"))
		logs := observeAll(sign)
		upstream := &service{t: t, secret: "canary-3"}
		uploads := func(want ...string) {
			t.Helper()
			for _, want := range want {
				if got := upstream.large(sign); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		}
		const rejected = "Invalid signature."
		uploads(rejected, rejected)
		time.Sleep(suspicionTime - time.Second)
		uploads(rejected)
		time.Sleep(time.Second)
		uploads(rejected, "accepted", "accepted") // the second key, the third, and from then on
		// Keys are tried round and round: the project's was replaced again.
		upstream.secret = "canary-2"
		uploads(rejected, rejected)
		time.Sleep(suspicionTime)
		uploads(rejected, "accepted", "accepted")
		wantSaid(t, "the operator is told", operatorLog(logs), mayBeClient+"invalid", keyWorks+"3 of 3", keyWorks+"2 of 3")
	})
}

// If none works, the operator is told when that is certain. From then on uploads
// that come together are tried with all keys one at a time.
func TestWhenNoSecretKeyWorksTheOperatorIsToldWhenThatIsCertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		sign := mustSign(t, withKeys(schemeSignature, "canary-1", "canary-2", "canary-3"))
		logs := observeAll(sign)
		upstream := &service{t: t, secret: "canary", takes: time.Second}
		uploads := func(number int) (asked int) {
			before := len(upstream.arrivals)
			var all sync.WaitGroup
			for range number {
				all.Go(func() {
					if got := upstream.upload(sign); got != "Invalid signature." {
						t.Error(got)
					}
				})
			}
			all.Wait()
			return len(upstream.arrivals) - before
		}
		if asked := uploads(20); asked != 20*3 {
			t.Errorf("the service was asked %d times", asked)
		}
		wantSaid(t, "the operator is told", operatorLog(logs), mayBeClient+"invalid")
		time.Sleep(suspicionTime + trialsTime)
		if asked := uploads(20); asked < 20+2 || asked > 20+6 {
			t.Errorf("the service was asked %d times", asked)
		}
		wantSaid(t, "the operator is told", operatorLog(logs), mayBeClient+"invalid", noKeyWorks)
		upstream.secret = "canary-2"
		if got := upstream.upload(sign); got != "accepted" {
			t.Error(got)
		}
		wantSaid(t, "the operator is told", operatorLog(logs), mayBeClient+"invalid", noKeyWorks, keyWorks+"2 of 3", takenAgain)
	})
}

// An upload on trial whose response never comes does not keep others from it,
// for longer than a minute.
func TestATrialThatDoesNotEndIsNotTheLast(t *testing.T) {
	const second = time.Second
	r := new(rotation)
	r.reject([]int{0}, 2, 0)
	steps := []struct {
		at   time.Duration
		want bool
	}{
		{suspicionTime - second, false},
		{suspicionTime, true}, // the other key
		{suspicionTime + second, false},
		{suspicionTime + trialTime - second, false},
	}
	for _, step := range steps {
		if key, ok := r.try(2, step.at); ok != step.want || ok && key != 1 {
			t.Errorf("after %s: key %d, %t", step.at, key+1, ok)
		}
	}
	// From now on half of the uploads are the active key's.
	tried := 0
	for range 1000 {
		if key, ok := r.try(2, suspicionTime+trialTime); ok && key == 1 {
			tried++
			r.end()
		}
	}
	if tried < 400 || tried > 600 {
		t.Errorf("%d of 1000 uploads are tried with the other key", tried)
	}
}

// Whoever is tried with another key in vain pays for somebody's rejections, so
// that becomes rarer: each time it is waited for twice as long, up to an hour.
func TestTrialsInVainBecomeRare(t *testing.T) {
	r, now, wait := new(rotation), time.Duration(0), suspicionTime
	for range 10 {
		r.reject([]int{0}, 2, now)
		if _, ok := r.try(2, now+wait-time.Second); ok {
			t.Errorf("a trial before %s are over", wait)
		}
		if _, ok := r.try(2, now+wait); !ok {
			t.Errorf("no trial when %s are over", wait)
		}
		r.reject([]int{1}, 2, now+wait)
		now += wait + time.Second
		r.accept(now)
		wait = min(2*wait, suspicionTime<<maxMisled)
	}
	now += misledMemory + time.Second
	r.reject([]int{0}, 2, now)
	if _, ok := r.try(2, now+suspicionTime); !ok {
		t.Error("that is remembered for more than a day")
	}
}

// Rejections of one key that come together make one step.
func TestRejectionsOfOneKeyAdvanceOnce(t *testing.T) {
	for _, scheme := range []string{schemeSignature, schemeToken} {
		t.Run(scheme, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(untilTenDigits)
				sign := mustSign(t, withKeys(scheme, "canary-1", "canary-2", "canary-3"))
				logs := observeAll(sign)
				upstream := &service{t: t, secret: "canary-2"}
				var uploads sync.WaitGroup
				for range 200 {
					uploads.Go(func() {
						if got := upstream.upload(sign); got != "accepted" {
							t.Error(got)
						}
					})
				}
				uploads.Wait()
				if active := sign.Projects[0].credentials.rotation.current(3); active != 1 {
					t.Errorf("key %d signs", active+1)
				}
				wantSaid(t, "the operator is told", operatorLog(logs), mayBeClient+"invalid", keyWorks+"2 of 3")
			})
		})
	}
}

// Which key works survives a reload, also of what hands out signatures.
func TestTheSecretKeyThatWorksSurvivesAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		config := withKeys(schemeSignature, "canary-1", "canary-2")
		upstream := &service{t: t, secret: "canary-2"}
		before := mustSign(t, config)
		upstream.upload(before)
		after := mustSign(t, config)
		logs := observeAll(after)
		time.Sleep(time.Hour) // beyond what is cached
		upstream.upload(after)
		wantSaid(t, "the service said", upstream.said(), "Invalid signature.", "accepted", "accepted")
		wantSaid(t, "the operator is told", operatorLog(logs))
	})
}

// The same key may be there twice, as while a file is being rotated.
func TestTheSameSecretKeyTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		sign := mustSign(t, withKeys(schemeSignature, "canary-1", "canary-1", "canary-2"))
		upstream := &service{t: t, secret: "canary-2"}
		if got := upstream.upload(sign); got != "accepted" {
			t.Error(got)
		}
		// Two keys of one text are one credential.
		wantSaid(t, "the service said", upstream.said(), "Invalid signature.", "accepted")
	})
}

// What is replaced in a file begins from the first key.
func TestOtherSecretKeysBeginFromTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		sign := mustSign(t, withKeys(schemeSignature, "canary-1", "canary-2"))
		upstream := &service{t: t, secret: "canary-2"}
		upstream.upload(sign)
		source := sign.Projects[0].source.(*SecretKey)
		for i, secret := range []string{"canary-2", "canary-3"} {
			source.secrets[i].value.Store(&secret)
		}
		source.tell()
		if got := upstream.upload(sign); got != "accepted" || source.rotation.current(2) != 0 {
			t.Errorf("%s, key %d signs", got, source.rotation.current(2)+1)
		}
	})
}

func TestSignersOfTokens(t *testing.T) {
	sign := mustSign(t, withKeys(schemeSignature, "canary-1", "canary-2"))
	source, now := sign.Projects[0].source.(*SecretKey), time.Now()
	for i, secret := range []string{"canary-1", "canary-2", "canary-3"} {
		bearer, err := token.MintAccessToken(secret, now.Add(-48*time.Hour), time.Hour, []string{"/base/"}, 0)
		if err != nil {
			t.Fatal(err)
		}
		want := i
		if i == 2 {
			want = -1
		}
		for scheme, minted := range map[string]Token{schemeSignature: token.Mint(secret, now, time.Hour), schemeToken: bearer} {
			if got := source.signer(minted); got != want {
				t.Errorf("%s by key %d: got %d", scheme, i+1, got+1)
			}
		}
	}
	if got := source.signer(Token{AccessToken: "a.b.c"}); got != -1 {
		t.Errorf("what is no token was made with key %d", got+1)
	}
}

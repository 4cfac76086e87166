// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

const (
	// What internal/token waits for.
	suspicionTime, trialsTime = time.Minute, 2 * time.Minute

	mayBeClient = "the Upload API does not take an upload's credential; that may be its client's doing, unless nothing is accepted for long, rejection "
	keyWorks    = "the Upload API takes what another secret key signs; that key signs from now on, secret_key "
	takenAgain  = "the Upload API takes the project's credentials again"
	noKeyWorks  = "the Upload API accepts no credential made with any of the secret keys; none of them belongs to the project"
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
	for scheme, invalid := range map[string]string{source.SchemeSignature: "Invalid signature.", source.SchemeToken: "Invalid token. Reason: signature does not match"} {
		t.Run(scheme, func(t *testing.T) {
			for works, logged := range [][]string{
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
						wantSaid(t, "the log for the operator", operatorLog(logs), logged...)
					})
				})
			}
		})
	}
}

// A stream cannot be sent again: when some have been rejected over a minute, and
// nothing accepted, one is tried with another key.
func TestStreamsTryTheSecretKeysUploadByUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		sign := mustSign(t, withKeys(source.SchemeSignature, "canary-1", "canary-2", "canary-3"))
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
		// The first key, over a minute now; the second, the third, and from then on.
		uploads(rejected, rejected, "accepted", "accepted")
		// Keys are tried round and round: the project's was replaced again.
		upstream.secret = "canary-2"
		uploads(rejected, rejected)
		time.Sleep(suspicionTime)
		uploads(rejected, rejected, "accepted", "accepted")
		wantSaid(t, "the log for the operator", operatorLog(logs), mayBeClient+"invalid", keyWorks+"3 of 3", keyWorks+"2 of 3")
	})
}

// If none works, it is logged when that is certain. From then on uploads
// that come together are tried with all keys one at a time.
func TestThatNoSecretKeyWorksIsLoggedWhenItIsCertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		sign := mustSign(t, withKeys(source.SchemeSignature, "canary-1", "canary-2", "canary-3"))
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
		wantSaid(t, "the log for the operator", operatorLog(logs), mayBeClient+"invalid")
		time.Sleep(suspicionTime + trialsTime)
		if asked := uploads(20); asked < 20+2 || asked > 20+6 {
			t.Errorf("the service was asked %d times", asked)
		}
		wantSaid(t, "the log for the operator", operatorLog(logs), mayBeClient+"invalid", noKeyWorks)
		upstream.secret = "canary-2"
		if got := upstream.upload(sign); got != "accepted" {
			t.Error(got)
		}
		wantSaid(t, "the log for the operator", operatorLog(logs), mayBeClient+"invalid", noKeyWorks, keyWorks+"2 of 3", takenAgain)
	})
}

// Rejections of one key that come together make one step.
func TestRejectionsOfOneKeyAdvanceOnce(t *testing.T) {
	for _, scheme := range []string{source.SchemeSignature, source.SchemeToken} {
		t.Run(scheme, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(untilTenDigits)
				sign := mustSign(t, withKeys(scheme, "canary-1", "canary-2", "canary-3"))
				logs := observeAll(sign)
				upstream := &service{t: t, secret: "canary-2"}
				upstream.wantBurstAccepted(sign)
				upstream.wantKey(sign, 1, "canary-1", "canary-2", "canary-3")
				wantSaid(t, "the log for the operator", operatorLog(logs), mayBeClient+"invalid", keyWorks+"2 of 3")
			})
		})
	}
}

// Which key works survives a reload, also of what hands out signatures.
func TestTheSecretKeyThatWorksSurvivesAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		upstream := &service{t: t, secret: "canary-2"}
		beyondCache := time.Hour
		upstream.wantSurvivesReload(withKeys(source.SchemeSignature, "canary-1", "canary-2"), beyondCache, "Invalid signature.")
	})
}

// The same key may be there twice, as while a file is being rotated.
func TestTheSameSecretKeyTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		sign := mustSign(t, withKeys(source.SchemeSignature, "canary-1", "canary-1", "canary-2"))
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
		directory := t.TempDir()
		write := func(name, secret string) {
			if err := os.WriteFile(filepath.Join(directory, name), []byte(secret), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("first", "canary-1")
		write("second", "canary-2")
		sign := mustSign(t, withKeys(source.SchemeSignature, "{file."+directory+"/first}", "{file."+directory+"/second}"))
		upstream := &service{t: t, secret: "canary-2"}
		upstream.upload(sign)
		write("first", "canary-2")
		write("second", "canary-3")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := upstream.upload(sign); got != "accepted" {
			t.Error(got)
		}
		wantSaid(t, "the service said", upstream.said(), "Invalid signature.", "accepted", "accepted")
		upstream.wantKey(sign, 0, "canary-2", "canary-3")
	})
}

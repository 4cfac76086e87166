// SPDX-License-Identifier: Apache-2.0

package project

import (
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// What the service says of the fallback of a source with secret keys is said of that,
// and of none of the keys.
func TestAFallbackOfASourceWithKeysIsReported(t *testing.T) {
	for name, keys := range map[string][]string{"one": {"broken"}, "two": {"broken", "two"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(fixture.UntilTenDigits)
				p := MustProject(t, withKeyServer(`,"fallback":{"module":"scripted_in_test","key":"fallback"}`, keys...))
				fixture.Loaded("fallback").Return(token.Mint("of the fallback", time.Now(), 24*time.Hour), nil)
				logs := observe(p, zapcore.DebugLevel)
				upload := func(say func(*Signing), want ...string) {
					t.Helper()
					var signing Signing
					if got := p.attempt(t, &signing); !token.IsMadeWith("of the fallback", got) {
						t.Fatal("it does not leave with the fallback's")
					}
					say(&signing)
					var got []string
					for _, entry := range logs.TakeAll() {
						if !strings.Contains(entry.Message, "the Upload API") {
							continue
						}
						line := entry.Level.String() + " " + entry.Message
						if rejection, ok := entry.ContextMap()["rejection"]; ok {
							line += ": " + rejection.(string)
							if source := entry.ContextMap()["source"]; source != "scripted_in_test" {
								t.Errorf("it is said of %s", source)
							}
						}
						got = append(got, line)
					}
					if !reflect.DeepEqual(got, want) {
						t.Errorf("reported %q, want %q", got, want)
					}
				}
				reject := func(rejection uploadapi.Rejection) func(*Signing) {
					return func(signing *Signing) {
						if !signing.Rejected(rejection) {
							t.Error("it may not be sent again, with another")
						}
						if signing.Renew(t.Context(), rejection, new(Signing)) {
							t.Error("there is another")
						}
					}
				}
				const again = "info the Upload API takes the project's credentials again"
				upload(reject(uploadapi.Invalid), suspected+"invalid")
				time.Sleep(time.Minute)
				upload(reject(uploadapi.Invalid), notTaken+"invalid")
				upload((*Signing).Accepted, again)
				upload(reject(uploadapi.Expired), notTaken+"expired")
				upload(reject(uploadapi.Expired))
				upload((*Signing).Accepted, again)
				if p.credentials.rotation.IsSuspect() {
					t.Error("the keys are suspect")
				}
			})
		})
	}
}

// When the source yields again, an upload that was rejected with the fallback's is sent
// again with that, and its acceptance shows that the fallback's is wrong.
func TestAnUploadOfARejectedFallbackIsSentAgainWithTheSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(fixture.UntilTenDigits)
		p := MustProject(t, AskingConfig("p", `,"fallback":{"module":"fixed_in_test","lifetime":"24h"}`))
		fixture.Loaded("").Return(token.Token{}, token.ErrUnreachable)
		var first, second Signing
		p.attempt(t, &first)
		time.Sleep(10 * time.Second)
		fixture.Loaded("").Return(token.Mint("of the source", time.Now(), time.Hour), nil)
		logs := observe(p, zapcore.WarnLevel)
		if !first.Rejected(uploadapi.Invalid) || !first.Renew(t.Context(), uploadapi.Invalid, &second) {
			t.Fatal("it is not sent again")
		}
		if got := p.attempt(t, &second); !token.IsMadeWith("of the source", got) {
			t.Error("it is not sent again with the source's")
		}
		second.Accepted()
		for _, entry := range logs.All() {
			if got := entry.ContextMap()["source"]; got != "fixed_in_test" {
				t.Errorf("%s: said of %s", entry.Message, got)
			}
		}
		if got, want := reports(logs), []string{suspected + "invalid", notTaken + "invalid"}; !reflect.DeepEqual(got, want) {
			t.Errorf("reported %q, want %q", got, want)
		}
	})
}

// Only what is made for one upload allows as much as the config says.
func TestWhatExhaustsAnAccessToken(t *testing.T) {
	keys := &keyring{}
	for name, test := range map[string]struct {
		project *Project
		want    string
	}{
		"made for each upload":  {&Project{keyring: keys, accessTokens: keys}, "a form held more files than the operations of an access token"},
		"kept, of a secret key": {&Project{keyring: keys}, "more was uploaded than the access token allows"},
		"handed out":            {&Project{}, "more was uploaded than the access token allows"},
	} {
		signed := grant{grantor: Grantor{project: test.project}}
		if got := signed.likelyCause(uploadapi.Exhausted); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

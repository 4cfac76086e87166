// SPDX-License-Identifier: Apache-2.0

package project

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

const (
	suspected = "warn the Upload API does not take an upload's credential; that may be its client's doing, unless nothing is accepted for long: "
	notTaken  = "error the Upload API does not take the project's credential: "
	noKey     = "error the Upload API accepts no credential made with any of the secret keys; none of them belongs to the project"
)

// reports takes what was logged but for debugging: the level, the message and the rejection.
func reports(logs *observer.ObservedLogs) (reports []string) {
	for _, entry := range logs.TakeAll() {
		line := entry.Level.String() + " " + entry.Message
		if rejection, ok := entry.ContextMap()["rejection"]; ok {
			line += ": " + rejection.(string)
		}
		if count, ok := entry.ContextMap()["rejections"]; ok {
			line += fmt.Sprintf(", %d times", count)
		}
		if entry.Level > zapcore.DebugLevel {
			reports = append(reports, line)
		}
	}
	return reports
}

// attempt has an upload signed.
func (p *Project) attempt(t *testing.T, s *Signing) token.Token {
	t.Helper()
	var granted token.Token
	var err error
	if p.Scheme == source.SchemeToken {
		granted, err = s.AccessToken(t.Context(), p.grantor(), p.publicKey, uploadapi.Signed("POST", "/base/"))
	} else {
		granted, err = s.Token(t.Context(), p.grantor(), p.publicKey)
	}
	if err != nil {
		t.Fatal(err)
	}
	return granted
}

// The table of what becomes of a credential that the service does not take.
func TestWhatBecomesOfARejectedCredential(t *testing.T) {
	const (
		invalid, expired, exhausted = uploadapi.Invalid, uploadapi.Expired, uploadapi.Exhausted

		oneKey    = `"source":{"module":"secret_key","keys":["one"]}`
		twoKeys   = `"source":{"module":"secret_key","keys":["one","two"]}`
		sameKeys  = `"source":{"module":"secret_key","keys":["one","one"]}`
		handedOut = `"source":{"module":"scripted_in_test"}`
		inHeader  = `"scheme":"token",`
		fallback  = `,"fallback":{"module":"scripted_in_test","key":"fallback"}`
		nothing   = ""
	)
	correct := func(p *Project) { p.credentials.clock.Correct(time.Hour) }
	wait := func(*Project) { time.Sleep(11 * time.Minute) }
	replaceKeys := func(p *Project) { // as when files have changed
		for i, other := range MustProject(t, `{"projects":[{"public_key":"q","source":{"module":"secret_key","keys":["three","four"]}}]}`).keyring.keys {
			if i < len(p.keyring.keys) {
				p.keyring.keys[i] = other
			}
		}
		p.credentials.cache.Clear()
	}
	tests := map[string]struct {
		key, config string
		rejection   uploadapi.Rejection
		before      func(*Project) // it is rejected, or nil
		discarded   bool           // by the cache
		again       bool           // it may be sent
		signedBy    string         // whose credential it is sent again with, or none
		reported    string
	}{
		"a wrong clock":                      {"p", oneKey, expired, correct, false, true, "one", nothing},
		"a wrong clock, several keys":        {"p", twoKeys, invalid, correct, false, true, "one", nothing},
		"a wrong clock, in the header":       {"p", inHeader + oneKey, invalid, correct, false, true, "one", nothing},
		"a wrong clock, handed out":          {"p", handedOut, expired, correct, true, true, "handed out 2", notTaken + "expired"},
		"a key that is not in use":           {"p", oneKey, invalid, replaceKeys, false, true, "three", nothing},
		"several that are not in use":        {"p", twoKeys, invalid, replaceKeys, false, true, "three", nothing},
		"one not in use, in the header":      {"p", inHeader + oneKey, invalid, replaceKeys, false, true, "three", nothing},
		"the only key":                       {"p", oneKey, invalid, nil, false, false, "", suspected + "invalid"},
		"the only key, in the header":        {"p", inHeader + oneKey, invalid, nil, false, false, "", suspected + "invalid"},
		"several keys":                       {"p", twoKeys, invalid, nil, false, true, "two", suspected + "invalid"},
		"several keys, in the header":        {"p", inHeader + twoKeys, invalid, nil, false, true, "two", suspected + "invalid"},
		"several keys that are the same":     {"p", sameKeys, invalid, nil, false, false, "", suspected + "invalid"},
		"handed out":                         {"p", handedOut, invalid, nil, true, true, "handed out 2", suspected + "invalid"},
		"handed out, in the header":          {"p", inHeader + handedOut, invalid, nil, true, true, "handed out 2", suspected + "invalid"},
		"handed out, with a fallback":        {"p", handedOut + fallback, invalid, nil, true, true, "handed out 2", suspected + "invalid"},
		"any project":                        {"*", oneKey, invalid, nil, false, false, "", notTaken + "invalid"},
		"any project, several keys":          {"*", twoKeys, invalid, nil, false, false, "", notTaken + "invalid"},
		"any project, one not in use":        {"*", oneKey, invalid, replaceKeys, false, true, "three", nothing},
		"any project, handed out":            {"*", handedOut, invalid, nil, false, false, "", notTaken + "invalid"},
		"expired, the only key":              {"p", oneKey, expired, nil, true, true, "one", notTaken + "expired"},
		"expired, several keys":              {"p", twoKeys, expired, nil, true, true, "one", notTaken + "expired"},
		"expired, in the header":             {"p", inHeader + oneKey, expired, nil, false, true, "one", notTaken + "expired"},
		"expired, several keys, header":      {"p", inHeader + twoKeys, expired, nil, false, true, "one", notTaken + "expired"},
		"expired, handed out":                {"p", handedOut, expired, nil, true, true, "handed out 2", notTaken + "expired"},
		"expired, handed out, in the header": {"p", inHeader + handedOut, expired, nil, true, true, "handed out 2", notTaken + "expired"},
		"expired, handed out, any project":   {"*", handedOut, expired, nil, true, true, "handed out 2", notTaken + "expired"},
		"expired, with a fallback":           {"p", handedOut + fallback, expired, nil, true, true, "handed out 2", notTaken + "expired"},
		"exhausted":                          {"p", inHeader + oneKey, exhausted, nil, false, false, "", notTaken + "exhausted"},
		"exhausted, several keys":            {"p", inHeader + twoKeys, exhausted, nil, false, false, "", notTaken + "exhausted"},
		"exhausted, handed out":              {"p", inHeader + handedOut, exhausted, nil, true, true, "handed out 2", notTaken + "exhausted"},
		"rejected late, handed out":          {"p", handedOut, invalid, wait, true, true, "handed out 2", suspected + "invalid"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(fixture.UntilTenDigits)
				p := MustProject(t, `{"projects":[{"public_key":"`+test.key+`",`+test.config+`}]}`)
				secrets := []string{"one", "two", "handed out 1", "handed out 2"}
				handOut := func(call int, now time.Time) (token.Token, error) {
					if p.Scheme == source.SchemeToken {
						return token.MintAccessToken(secrets[1+call], now, time.Hour, []string{"/*"}, 0)
					}
					return token.Mint(secrets[1+call], now, time.Hour), nil
				}
				if source := fixture.Loaded(""); source != nil {
					source.Script(handOut)
				}
				logs := observe(p, zapcore.DebugLevel)
				var first, second Signing
				rejected := p.attempt(t, &first)
				time.Sleep(time.Second)
				if test.before != nil {
					test.before(p)
				}
				held, _ := p.credentials.cache.Current()
				if got := first.Rejected(test.rejection); got != test.again {
					t.Errorf("may be sent again: %t", got)
				}
				kept, ok := p.credentials.cache.Current()
				if discarded := held != (token.Token{}) && (!ok || kept != held); discarded != test.discarded {
					t.Errorf("discarded: %t", discarded)
				}
				var want []string
				if test.reported != "" {
					want = []string{test.reported}
				}
				if got := reports(logs); !reflect.DeepEqual(got, want) {
					t.Errorf("reported:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
				if !test.again {
					return
				}
				if !first.Renew(t.Context(), test.rejection, &second) {
					t.Fatal("there is no other credential")
				}
				fresh := p.attempt(t, &second)
				if fresh == rejected || !token.IsMadeWith(test.signedBy, fresh) {
					t.Errorf("sent again with %v, which is not of %q", fresh, test.signedBy)
				}
			})
		})
	}
}

// Of uploads that left with one credential, the first to be rejected says all.
func TestARejectionThatComesLateIsNotReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(fixture.UntilTenDigits)
		p := MustProject(t, AskingConfig("p", ""))
		fixture.Loaded("").Script(func(call int, now time.Time) (token.Token, error) {
			return token.Mint(fixture.Secret, now, time.Hour+time.Duration(call)*time.Second), nil
		})
		logs := observe(p, zapcore.DebugLevel)
		var first, late, again Signing
		p.attempt(t, &first)
		p.attempt(t, &late)
		if !first.Rejected(uploadapi.Expired) || !first.Renew(t.Context(), uploadapi.Expired, &again) {
			t.Error("it is not sent again")
		}
		p.attempt(t, &again)
		again.Accepted()
		if !late.Rejected(uploadapi.Expired) {
			t.Error("what comes late is not sent again")
		}
		want := []string{notTaken + "expired", "info the Upload API takes the project's credentials again"}
		if got := reports(logs); !reflect.DeepEqual(got, want) {
			t.Errorf("reported %q", got)
		}
	})
}

// Each is reported at once and then each ten minutes, and as an error when it is sure.
func TestWhenARejectionIsReported(t *testing.T) {
	const (
		project = `{"projects":[{"public_key":"p",`
		any     = `{"projects":[{"public_key":"*",`
		twoKeys = `"source":{"module":"secret_key","keys":["one","two"]}}]}`
		oneKey  = `"source":{"module":"secret_key","keys":["one"]}}]}`
	)
	tests := map[string]struct {
		config    string
		rejection uploadapi.Rejection
		want      map[time.Duration][]string // by when it is rejected again
	}{
		"expired": {project + oneKey, uploadapi.Expired, map[time.Duration][]string{
			0: {notTaken + "expired"}, 10 * time.Minute: {notTaken + "expired, 20 times"}, 20 * time.Minute: {notTaken + "expired, 40 times"},
		}},
		"exhausted": {project + `"scheme":"token",` + oneKey, uploadapi.Exhausted, map[time.Duration][]string{
			0: {notTaken + "exhausted"}, 10 * time.Minute: {notTaken + "exhausted"}, 20 * time.Minute: {notTaken + "exhausted"},
		}},
		"any project": {any + oneKey, uploadapi.Invalid, map[time.Duration][]string{
			0: {notTaken + "invalid"}, 10 * time.Minute: {notTaken + "invalid"}, 20 * time.Minute: {notTaken + "invalid"},
		}},
		"the only key": {project + oneKey, uploadapi.Invalid, map[time.Duration][]string{
			0: {suspected + "invalid"}, time.Minute: {notTaken + "invalid"}, 11 * time.Minute: {notTaken + "invalid, 11 times"}, 21 * time.Minute: {notTaken + "invalid, 21 times"},
		}},
		"several keys": {project + twoKeys, uploadapi.Invalid, map[time.Duration][]string{
			0: {suspected + "invalid"}, 3 * time.Minute: {noKey}, 13 * time.Minute: {noKey + ", 21 times"}, 23 * time.Minute: {noKey + ", 41 times"},
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(fixture.UntilTenDigits)
				p := MustProject(t, test.config)
				logs := observe(p, zapcore.DebugLevel)
				for span := time.Duration(0); span < 25*time.Minute; span += time.Minute {
					var first, second Signing
					p.attempt(t, &first)
					if first.Rejected(test.rejection) && first.Renew(t.Context(), test.rejection, &second) {
						p.attempt(t, &second)
						second.Rejected(test.rejection)
					}
					if got := reports(logs); !reflect.DeepEqual(got, test.want[span]) {
						t.Errorf("after %s: %q, want %q", span, got, test.want[span])
					}
					time.Sleep(time.Minute)
				}
			})
		})
	}
}

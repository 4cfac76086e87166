// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

const (
	clockDiffers = "this machine's clock differs from the Upload API's, by whose time credentials are made now; set it right"
	clockAgrees  = "this machine's clock agrees with the Upload API's again"
	clockTooFar  = "this machine's clock differs from the Upload API's by more than is corrected; set it right"
)

// untilTenDigits is how long a bubble, which begins in 2000, takes until Unix
// seconds have ten digits.
const untilTenDigits = fixture.UntilTenDigits

// A gateway whose clock is wrong uploads all the same, over TLS: the first
// response shows the time, also when it is a rejection.
func TestAWrongClockIsCorrected(t *testing.T) {
	tests := map[string]struct {
		config string
		ahead  time.Duration // of the Upload API's clock
		said   []string
		logged []string
	}{
		"behind":                     {onlyProject, 2 * time.Hour, []string{"Expired signature.", "accepted", "accepted"}, []string{clockDiffers}},
		"ahead":                      {onlyProject, -2 * time.Hour, []string{"accepted", "accepted"}, []string{clockDiffers}},
		"behind, with access tokens": {schemeTokenProject, 2 * time.Hour, []string{"Expired token.", "accepted", "accepted"}, []string{clockDiffers}},
		"ahead, with access tokens":  {schemeTokenProject, -2 * time.Hour, []string{"Invalid token. Reason: `iat` is in the future", "accepted", "accepted"}, []string{clockDiffers}},
		"behind by a day":            {onlyProject, 24*time.Hour - time.Second, []string{"Expired signature.", "accepted", "accepted"}, []string{clockDiffers}},
		"a little behind":            {onlyProject, 29 * time.Second, []string{"accepted", "accepted"}, nil},
		"a little ahead":             {onlyProject, -30 * time.Second, []string{"accepted", "accepted"}, nil},
		"more than can be corrected": {onlyProject, 25 * time.Hour, []string{"Expired signature.", "Expired signature."}, []string{clockTooFar, notTaken + "expired"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(untilTenDigits)
				sign := mustSign(t, test.config)
				logs := observeAll(sign)
				upstream := &service{t: t, secret: testSecret, ahead: test.ahead, secure: true}
				for range 2 {
					upstream.upload(sign)
				}
				wantSaid(t, "the service said", upstream.said(), test.said...)
				wantSaid(t, "the log for the operator", operatorLog(logs), test.logged...)
			})
		})
	}
}

// What is not known for certain corrects nothing.
func TestAResponseThatCannotShowTheTime(t *testing.T) {
	tests := map[string]*service{
		"not over TLS": {},
		"no Date":      {secure: true, noDate: true},
		"from a cache": {secure: true, header: http.Header{"Age": {"7200"}}},
		"two Dates":    {secure: true, noDate: true, header: http.Header{"Date": {"Mon, 02 Jan 2006 15:04:05 GMT", "Mon, 02 Jan 2006 15:04:05 GMT"}}},
		"an odd Date":  {secure: true, noDate: true, header: http.Header{"Date": {"today"}}},
	}
	for name, upstream := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(untilTenDigits)
				sign := mustSign(t, onlyProject)
				upstream.t, upstream.secret, upstream.ahead = t, testSecret, 2*time.Hour
				if got := upstream.upload(sign); got != "Expired signature." {
					t.Error(got)
				}
				if offset := offsetOf(t, "demopublickey"); offset != 0 {
					t.Errorf("the clock is corrected by %s", offset)
				}
			})
		})
	}
}

// The connection is observed once a minute; a rejection shows the time in
// between, and each response does while the clock is corrected. The correction follows the clock, and is logged when it changes.
func TestTheCorrectionFollowsTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		sign := mustSign(t, onlyProject)
		logs := observeAll(sign)
		upstream := &service{t: t, secret: testSecret, secure: true}
		check := func(what string, want time.Duration) {
			t.Helper()
			if got := upstream.upload(sign); got != "accepted" {
				t.Errorf("%s: %s", what, got)
			}
			if offset := offsetOf(t, "demopublickey"); (offset - want).Abs() > 2*time.Second {
				t.Errorf("%s: corrected by %s", what, offset)
			}
		}
		check("right", 0)
		upstream.ahead = 10 * time.Minute
		check("steps by less than a token lives, within the minute", 0)
		time.Sleep(offsetInterval)
		check("a minute later", 10*time.Minute)
		upstream.ahead += 20 * time.Second
		time.Sleep(offsetInterval)
		check("drifts within the allowance", 10*time.Minute)
		upstream.ahead = 5 * time.Hour
		check("steps by hours, within the minute", 5*time.Hour)
		upstream.ahead = 10 * time.Second
		check("is set right, within the minute", 0)
		upstream.ahead = 10 * time.Minute
		check("steps again, within the minute", 0)
		wantSaid(t, "the log for the operator", operatorLog(logs), clockDiffers, clockDiffers, clockAgrees)
	})
}

// Whatever goes wrong with one response does not make a clock that was right wrong.
func TestADifferenceThatIsTooLargeIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		sign := mustSign(t, onlyProject)
		logs := observeAll(sign)
		upstream := &service{t: t, secret: testSecret, secure: true, ahead: -48 * time.Hour}
		for range 5 {
			upstream.upload(sign)
			time.Sleep(offsetInterval)
		}
		wantSaid(t, "the log for the operator", operatorLog(logs), clockTooFar)
		upstream.ahead = 0
		upstream.upload(sign)
		time.Sleep(offsetInterval)
		upstream.ahead = -48 * time.Hour
		upstream.upload(sign)
		wantSaid(t, "the log for the operator", operatorLog(logs), clockTooFar, clockTooFar)
	})
}

// Uploads that begin at once with a wrong clock all succeed, and the operator is
// logged once.
func TestABurstWithAWrongClockSucceeds(t *testing.T) {
	for name, config := range map[string]string{"signatures": onlyProject, "access tokens": schemeTokenProject} {
		for direction, ahead := range map[string]time.Duration{"behind": 2 * time.Hour, "ahead": -2 * time.Hour} {
			t.Run(name+"/"+direction, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(untilTenDigits)
					sign := mustSign(t, config)
					logs := observeAll(sign)
					upstream := &service{t: t, secret: testSecret, secure: true, ahead: ahead}
					upstream.wantBurstAccepted(sign)
					wantSaid(t, "the log for the operator", operatorLog(logs), clockDiffers)
				})
			})
		}
	}
}

// The correction survives a reload, with all else that is known.
func TestTheCorrectionSurvivesAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		upstream := &service{t: t, secret: testSecret, secure: true, ahead: 2 * time.Hour}
		upstream.wantSurvivesReload(onlyProject, 0, "Expired signature.")
	})
}

// The line says by how much.
func TestTheDifferenceIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		sign := mustSign(t, onlyProject)
		logs := observeAll(sign)
		upstream := &service{t: t, secret: testSecret, secure: true, ahead: 90 * time.Minute}
		upstream.upload(sign)
		entries := logs.FilterLevelExact(zapcore.WarnLevel).All()
		if len(entries) != 1 || entries[0].ContextMap()["difference"] != 90*time.Minute && entries[0].ContextMap()["difference"] != 90*time.Minute+time.Second {
			t.Errorf("logged: %v", entries)
		}
	})
}

// What is passed on unsigned shows the time too. It is all there is where a
// source's credentials seem to have expired, so that no upload is signed.
func TestUnsignedRequestsShowTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		const behind = -2 * time.Hour // the Upload API's clock and the source's
		sign, _, _ := newScripted(t, "demopublickey", func(_ int, _ time.Time) (token.Token, error) {
			return token.Mint(goodSecret, time.Now().Add(behind), time.Hour), nil
		})
		upstream := &service{t: t, secret: goodSecret, secure: true, ahead: behind}
		if w := upstream.send(sign, uploadRequest(formOf(demoKey))); w.Code != http.StatusServiceUnavailable {
			t.Errorf("response %d %s", w.Code, w.Body)
		}
		preflight := httptest.NewRequest(http.MethodOptions, "/base/?signature=s&expire=1", nil)
		upstream.send(sign, preflight)
		if offset := offsetOf(t, "demopublickey"); (offset - behind).Abs() > 2*time.Second {
			t.Errorf("the clock is corrected by %s", offset)
		}
		time.Sleep(time.Minute) // the source is given a pause
		if got := upstream.upload(sign); got != "accepted" {
			t.Error(got)
		}
	})
}

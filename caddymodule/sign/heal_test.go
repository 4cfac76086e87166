// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

const notTaken = "the Upload API does not take the project's credential, rejection "

// requestsOfEveryKind are requests to signed endpoints, and whether they can be
// made again.
func requestsOfEveryKind(t *testing.T) map[string]struct {
	request func() *http.Request
	kept    bool
} {
	t.Helper()
	const key = "pub_key=demopublickey"
	form := func(size int) func() *http.Request {
		return func() *http.Request { return uploadRequest(formOfSize(t, size)) }
	}
	chunked := func(make func() *http.Request) func() *http.Request {
		return func() *http.Request {
			r := make()
			r.ContentLength, r.TransferEncoding = -1, []string{"chunked"}
			return r
		}
	}
	params := func(method, target, mediaType, body string) func() *http.Request {
		return func() *http.Request { return paramsRequest(method, target, mediaType, body) }
	}
	large := "source_url=" + strings.Repeat("a", 2*maxKeptSize) + "&" + key
	type kind = struct {
		request func() *http.Request
		kept    bool
	}
	return map[string]kind{
		"a small form":            {form(500), true},
		"a form of 20 KiB":        {form(20 << 10), true},
		"a form at the limit":     {form(maxKeptSize), true},
		"a form above it":         {form(maxKeptSize + 1), false},
		"a chunked form":          {chunked(form(500)), false},
		"urlencoded":              {params("POST", "/group/", urlencoded, key+"&signature=old&files[]=a"), true},
		"urlencoded, chunked":     {chunked(params("POST", "/group/", urlencoded, key)), true},
		"urlencoded, large":       {params("POST", "/group/", urlencoded, large), true},
		"GET from_url":            {params("GET", "/from_url/?"+key+"&signature=old&source_url=x", "", ""), true},
		"POST from_url, by query": {params("POST", "/from_url/?"+key, "", ""), true},
		"POST, an empty chunked":  {chunked(params("POST", "/from_url/?"+key, "", "")), true},
	}
}

// A request that the service rejects for its credential is made again with
// another, if it is at hand. The client learns nothing of it.
func TestARejectedRequestIsMadeAgain(t *testing.T) {
	for name, kind := range requestsOfEveryKind(t) {
		for _, jsonErrors := range []bool{false, true} {
			t.Run(name+map[bool]string{true: "/jsonerrors"}[jsonErrors], func(t *testing.T) {
				sign, source, _ := newScripted(t, "demopublickey", firstBad)
				upstream := &service{t: t, secret: goodSecret}
				r := kind.request()
				if jsonErrors {
					r.URL.RawQuery = strings.TrimPrefix(r.URL.RawQuery+"&jsonerrors=1", "&")
				}
				w := upstream.send(sign, r)
				if !kind.kept {
					wantSaid(t, "the service said", upstream.said(), "Invalid signature.")
					if !strings.Contains(w.Body.String(), "Invalid signature.") || w.Header().Get("X-Response-1") == "" {
						t.Errorf("response %d %s %v", w.Code, w.Body, w.Header())
					}
					w = upstream.send(sign, kind.request()) // its credential was dropped
				}
				if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), `{"file":`) {
					t.Errorf("response %d %s", w.Code, w.Body)
				}
				wantSaid(t, "the service said", upstream.said(), "Invalid signature.", "accepted")
				if source.Calls() != 2 {
					t.Errorf("the source was asked %d times", source.Calls())
				}
				if kind.kept {
					checkResponseOfTheSecond(t, w.Header())
				}
			})
		}
	}
}

// checkResponseOfTheSecond checks that nothing of the first response is left.
func checkResponseOfTheSecond(t *testing.T, header http.Header) {
	t.Helper()
	if len(header.Values("Via")) != 1 || header.Get("X-Response-1") != "" || header.Get("X-Response-2") == "" || header.Get("Server") != "Caddy" {
		t.Errorf("header %v", header)
	}
}

// Invariants 1 to 3 hold for what is sent again: it is the same but for the
// credential.
func TestInvariants1To3HoldForARepeatedRequest(t *testing.T) {
	for name, kind := range requestsOfEveryKind(t) {
		if !kind.kept {
			continue
		}
		t.Run(name, func(t *testing.T) {
			sign, _, _ := newScripted(t, "demopublickey", firstBad)
			upstream := &service{t: t, secret: goodSecret}
			r := kind.request()
			r.Header.Set("Accept-Encoding", "br")
			r.Header.Set("Content-Length", "12345")
			upstream.send(sign, r)
			if len(upstream.arrivals) != 2 {
				t.Fatalf("the service said %v", upstream.said())
			}
			first, second := upstream.arrivals[0], upstream.arrivals[1]
			if first.length != second.length || len(first.body) != len(second.body) || len(first.query) != len(second.query) {
				t.Errorf("%d and %d bytes", first.length, second.length)
			}
			if withoutPair(first.body) != withoutPair(second.body) || withoutPair(first.query) != withoutPair(second.query) {
				t.Error("something else than the credential differs")
			}
			if first.body == second.body && first.query == second.query {
				t.Error("the credential is the same")
			}
			for _, arrival := range upstream.arrivals {
				if got := arrival.header["Accept-Encoding"]; !slices.Equal(got, []string{"identity"}) {
					t.Errorf("Accept-Encoding: %v", got)
				}
			}
			if r.Header.Get("Accept-Encoding") != "br" || r.Header.Get("Content-Length") != "12345" {
				t.Errorf("the client's own request shows %v", r.Header)
			}
		})
	}
}

// withoutPair returns a text without its last signature and what follows it.
func withoutPair(text string) string {
	if i := strings.LastIndex(text, "signature"); i >= 0 {
		return text[:i]
	}
	return text
}

// What is rejected again is not retried for ever: the client gets the rejection.
func TestASecondRejectionIsTheClientsResponse(t *testing.T) {
	sign, source, _ := newScripted(t, "demopublickey", func(call int, now time.Time) (token.Token, error) {
		return token.Mint(otherSecret, now, time.Hour+time.Duration(call)*time.Second), nil
	})
	upstream := &service{t: t, secret: goodSecret}
	w := upstream.send(sign, uploadRequest(formOf(demoKey)))
	wantSaid(t, "the service said", upstream.said(), "Invalid signature.", "Invalid signature.")
	if w.Code != http.StatusForbidden || w.Body.String() != "Invalid signature." {
		t.Errorf("response %d %s", w.Code, w.Body)
	}
	checkResponseOfTheSecond(t, w.Header())
	// A service that takes none does not turn into a refresh per upload.
	for range 10 {
		if got := upstream.upload(sign); got != "Invalid signature." {
			t.Errorf("response %s", got)
		}
	}
	if source.Calls() != 2 || len(upstream.arrivals) != 12 {
		t.Errorf("the source was asked %d times, the service %d times", source.Calls(), len(upstream.arrivals))
	}
}

// Invariant 10: what the service said reaches the client also when there is no
// other credential to be had.
func TestInvariant10ARejectionIsNotLost(t *testing.T) {
	for name, failure := range map[string]error{"a failure": errors.New("down"), "a refusal": token.ErrRefused} {
		t.Run(name, func(t *testing.T) {
			sign, _, _ := newScripted(t, "demopublickey", func(call int, now time.Time) (token.Token, error) {
				if call > 1 {
					return token.Token{}, failure
				}
				return firstBad(call, now)
			})
			upstream := &service{t: t, secret: goodSecret}
			w := upstream.send(sign, uploadRequest(formOf(demoKey)))
			if w.Code != http.StatusForbidden || w.Body.String() != "Invalid signature." || w.Header().Get("X-Response-1") == "" || len(w.Header().Values("Via")) != 1 {
				t.Errorf("response %d %s %v", w.Code, w.Body, w.Header())
			}
			wantSaid(t, "the service said", upstream.said(), "Invalid signature.")
		})
	}
}

// All uploads that meet the rejected credential share one refresh, and succeed.
func TestInvariant6ABurstThatIsRejectedRefreshesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sign, source, logs := newScripted(t, "demopublickey", func(call int, now time.Time) (token.Token, error) {
			time.Sleep(time.Second)
			return firstBad(call, now)
		})
		time.Sleep(untilTenDigits)
		upstream := &service{t: t, secret: goodSecret}
		upstream.wantBurstAccepted(sign)
		if source.Calls() != 2 {
			t.Errorf("the source was asked %d times", source.Calls())
		}
		wantSaid(t, "the log for the operator", operatorLog(logs), mayBeClient+"invalid", notTaken+"invalid", takenAgain)
	})
}

// A credential that the service has found to have expired is replaced, although
// it would have been good for a while by the gateway's own clock.
func TestAnExpiredCredentialIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		sign := mustSign(t, onlyProject)
		logs := observeAll(sign)
		upstream := &service{t: t, secret: testSecret, ahead: 16 * time.Minute}
		if got := upstream.upload(sign); got != "accepted" {
			t.Fatal(got)
		}
		time.Sleep(14*time.Minute + 30*time.Second) // before it is renewed ahead
		if got := upstream.upload(sign); got != "accepted" {
			t.Error(got)
		}
		wantSaid(t, "the service said", upstream.said(), "accepted", "Expired signature.", "accepted")
		wantSaid(t, "the log for the operator", operatorLog(logs), notTaken+"expired", "the Upload API takes the project's credentials again")
	})
}

// Each thing is logged once in ten minutes, until the service takes a credential.
func TestEachRejectionIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		sign := mustSign(t, onlyProject)
		logs := observeAll(sign)
		upstream := &service{t: t, secret: otherSecret}
		for range 3 {
			if got := upstream.upload(sign); got != "Invalid signature." {
				t.Error(got)
			}
			time.Sleep(4 * time.Minute)
		}
		if len(upstream.arrivals) != 3 {
			t.Errorf("with the same key there is no point in trying again: %v", upstream.said())
		}
		upstream.secret = testSecret
		for range 2 {
			upstream.upload(sign)
		}
		upstream.secret = otherSecret
		upstream.upload(sign)
		wantSaid(t, "the log for the operator", operatorLog(logs), mayBeClient+"invalid", notTaken+"invalid", takenAgain, mayBeClient+"invalid")
		time.Sleep(suspicionTime)
		upstream.upload(sign)
		wantSaid(t, "the log for the operator", operatorLog(logs), mayBeClient+"invalid", notTaken+"invalid", takenAgain, mayBeClient+"invalid", notTaken+"invalid")
		if causes := logs.FilterField(zap.String("likely_cause", "the secret key does not belong to the project's public key")).Len(); causes != 2 {
			t.Errorf("the cause is logged %d times", causes)
		}
	})
}

// Errors of another kind say nothing of the credential, neither for nor against.
func TestOtherErrorsSayNothingOfTheCredential(t *testing.T) {
	sign := mustSign(t, onlyProject)
	logs := observeAll(sign)
	upstream := &service{t: t, secret: testSecret, ahead: 2 * time.Hour} // not over TLS
	if got := upstream.upload(sign); got != "Expired signature." {
		t.Error(got)
	}
	for _, query := range []string{"", "?jsonerrors=1"} {
		r := uploadRequest(formOf(demoKey))
		r.URL.RawQuery = strings.TrimPrefix(query, "?")
		serveBy(t, sign, r, func(w http.ResponseWriter, r *http.Request) error {
			_, err := io.Copy(io.Discard, r.Body)
			uploadapi.ErrTooManyFiles.Write(w, r)
			return err
		})
	}
	wantSaid(t, "the log for the operator", operatorLog(logs), notTaken+"expired")
	upstream.ahead = 0
	if got := upstream.upload(sign); got != "accepted" {
		t.Error(got)
	}
	wantSaid(t, "the log for the operator", operatorLog(logs), notTaken+"expired", takenAgain)
}

// For `project *` a rejection may be the client's doing: it names a project that
// the secret key is not for. That must not cost the others their credential.
func TestAForeignPublicKeyDropsNothing(t *testing.T) {
	for name, config := range map[string]string{
		"one key":      `{"projects":[{"public_key":"*","source":{"module":"secret_key","keys":["` + goodSecret + `"]}}]}`,
		"several keys": `{"projects":[{"public_key":"*","source":{"module":"secret_key","keys":["` + goodSecret + `","` + otherSecret + `"]}}]}`,
		"a resolver":   "",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(untilTenDigits)
				sign, source, logs := newScripted(t, "*", func(_ int, now time.Time) (token.Token, error) { return token.Mint(goodSecret, now, time.Hour), nil })
				if config != "" {
					sign = mustSign(t, config)
					logs = observeAll(sign)
				}
				foreign := &service{t: t, secret: "the secret of another project"}
				upstream := &service{t: t, secret: goodSecret}
				if got := upstream.upload(sign); got != "accepted" {
					t.Fatal(got)
				}
				for range 3 {
					time.Sleep(time.Second) // so that another credential would differ
					w := foreign.send(sign, uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "foreignkey"))))
					if w.Code != http.StatusForbidden {
						t.Errorf("response %d %s", w.Code, w.Body)
					}
					if got := upstream.upload(sign); got != "accepted" {
						t.Error(got)
					}
				}
				held := upstream.arrivals[0].credential(t)
				for _, arrival := range upstream.arrivals {
					if arrival.credential(t) != held || source.Calls() > 1 {
						t.Error("the credential was dropped")
					}
				}
				if len(foreign.arrivals) != 3 {
					t.Errorf("the service was asked %d times", len(foreign.arrivals))
				}
				// Nor can those who take turns fill the log.
				wantSaid(t, "the log for the operator", operatorLog(logs), notTaken+"invalid, client_public_key foreignkey")
			})
		})
	}
}

// Invariant 8: nothing that is logged shows a credential.
func TestInvariant8RejectionsShowNothingSecret(t *testing.T) {
	for _, config := range []string{
		onlyProject, schemeTokenProject,
		`{"projects":[{"public_key":"demopublickey","source":{"module":"secret_key","keys":["` + testSecret + `","` + otherSecret + `"]}}]}`,
	} {
		sign := mustSign(t, config)
		logs := observeAll(sign)
		upstream := &service{t: t, secret: "canary-of-a-third-key", secure: true, ahead: 2 * time.Hour}
		upstream.upload(sign)
		upstream.ahead = -2 * time.Hour
		upstream.upload(sign)
		var shown strings.Builder
		for _, entry := range logs.All() {
			shown.WriteString(entry.Message)
			for name, value := range entry.ContextMap() {
				shown.WriteString(name)
				fmt.Fprint(&shown, value)
			}
		}
		for _, arrival := range upstream.arrivals {
			credential := strings.TrimPrefix(arrival.header.Get("Authorization"), "Bearer ")
			if credential == "" {
				fields := parseForm(t, []byte(arrival.body))
				credential = fields[len(fields)-2].value
			}
			for _, canary := range []string{"canary", credential} {
				if len(credential) < 64 || strings.Contains(shown.String(), canary) {
					t.Errorf("%q is shown in %s", canary, shown.String())
				}
			}
		}
	}
}

// What is made for each request could be made again for ever: once is enough.
func TestARequestIsRepeatedOnceOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		sign := mustSign(t, schemeTokenProject)
		observeAll(sign)
		upstream := &service{t: t, secret: testSecret, ahead: 2 * time.Hour} // not over TLS
		if got := upstream.upload(sign); got != "Expired token." {
			t.Error(got)
		}
		wantSaid(t, "the service said", upstream.said(), "Expired token.", "Expired token.")
	})
}

// An upload counts once, however often it is sent; a rejection counts each time.
func TestARepeatedUploadCountsOnce(t *testing.T) {
	sign, _, _ := newScripted(t, "repeated", firstBad)
	upstream := &service{t: t, secret: goodSecret}
	upstream.send(sign, uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "repeated"))))
	wantSaid(t, "the service said", upstream.said(), "Invalid signature.", "accepted")
	reported.Want(t, map[string]float64{
		`caddy_uploadcare_uploads_total{endpoint="/base/",outcome="accepted",project="repeated",reason=""}`: 1,
		`caddy_uploadcare_credentials_rejected_total{project="repeated",reason="invalid"}`:                  1,
	})
}

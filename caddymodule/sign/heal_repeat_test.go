// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// However the client spells that it wants errors as JSON, they are seen.
func TestARejectionIsSeenHoweverTheDialectIsAskedFor(t *testing.T) {
	sign, _, _ := newScripted(t, "demopublickey", firstBad)
	upstream := &service{t: t, secret: goodSecret}
	r := uploadRequest(formOf(demoKey))
	r.URL.RawQuery = "json%65rrors=1"
	if w := upstream.send(sign, r); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "error") {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
	wantSaid(t, "the service said", upstream.said(), "Invalid signature.", "accepted")
}

// Invariant 5 holds for the credential of a repeat that the service is slow to
// read.
func TestInvariant5ARepeatIsNotSignedWithAnExpiredCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		sign, _, _ := newScripted(t, "demopublickey", func(call int, now time.Time) (token.Token, error) {
			if call == 1 {
				return firstBad(call, now)
			}
			return token.Mint(goodSecret, now, time.Minute), nil
		})
		upstream := &service{t: t, secret: goodSecret}
		attempts := 0
		w := serveBy(t, sign, uploadRequest(formOfSize(t, 20<<10)), func(w http.ResponseWriter, r *http.Request) error {
			if attempts++; attempts == 2 {
				time.Sleep(2 * time.Minute)
			}
			return upstream.ServeHTTP(w, r)
		})
		if w.Code != http.StatusOK {
			t.Errorf("answer %d %s", w.Code, w.Body)
		}
		wantSaid(t, "the service said", upstream.said(), "Invalid signature.", "accepted")
	})
}

// What a repeat is made with is its own: the proxy may still be busy with what
// came before.
func TestARepeatChangesNothingOfWhatWasSentBefore(t *testing.T) {
	sign, _, _ := newScripted(t, "demopublickey", firstBad)
	upstream := &service{t: t, secret: goodSecret}
	w := httptest.NewRecorder()
	w.Header().Set("X-Changed", "a")
	r := caddyhttp.PrepareRequest(uploadRequest(formOf(demoKey)), caddy.NewReplacer(), w, &caddyhttp.Server{})
	caddyhttp.SetVar(r.Context(), "before", "x")
	var before *http.Request
	err := sign.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		w.Header()["X-Changed"][0] += "b"
		if before == nil {
			before = r
		} else {
			caddyhttp.SetVar(r.Context(), "attempt", "2")
			if caddyhttp.GetVar(before.Context(), "attempt") != "1" || caddyhttp.GetVar(r.Context(), "before") != "x" {
				t.Error("both attempts have the same variables")
			}
			return upstream.ServeHTTP(w, r)
		}
		caddyhttp.SetVar(r.Context(), "attempt", "1")
		return upstream.ServeHTTP(w, r)
	}))
	if err != nil || w.Code != http.StatusOK || len(upstream.arrivals) != 2 || w.Header().Get("X-Changed") != "ab" {
		t.Errorf("answer %d %v, %v", w.Code, w.Header(), err)
	}
}

// The proxy may go on reading what it has closed, once it has an answer. That is
// nobody's fault, and the answer is what counts.
func TestABodyThatTheProxyHasClosedIsRepeated(t *testing.T) {
	sign := mustSign(t, withKeys(source.SchemeToken, otherSecret, goodSecret))
	observeAll(sign)
	upstream := &service{t: t, secret: goodSecret}
	attempts := 0
	w := serveBy(t, sign, uploadRequest(formOfSize(t, 20<<10)), func(w http.ResponseWriter, r *http.Request) error {
		if attempts++; attempts > 1 {
			return upstream.ServeHTTP(w, r)
		}
		_ = r.Body.Close()
		if _, err := r.Body.Read(make([]byte, 100)); err == nil {
			t.Error("what was closed can be read")
		}
		uploadapi.AccessTokenInvalid("signature does not match").Write(w, r)
		return nil
	})
	if w.Code != http.StatusOK || attempts != 2 {
		t.Errorf("answer %d %s after %d attempts", w.Code, w.Body, attempts)
	}
}

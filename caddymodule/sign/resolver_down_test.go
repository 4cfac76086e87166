// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// newResolved returns a handler for a project whose resolver is reached by
// transport.
func newResolved(t *testing.T, transport fixture.RoundTripper) *Sign {
	t.Helper()
	sign := mustSign(t, `{"projects":[{"public_key":"demopublickey","source":{"module":"resolver","url":"https://app.example.com/","transport":`+fixture.TransportJSON+`}}]}`)
	observeAll(sign)
	fixture.SetTransport(transport)
	return sign
}

// An upload without a token waits for as long as the resolver's timeout is, with
// all attempts, and the next are refused at once.
func TestAnUploadWaitsForAHangingResolverNoLongerThanItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		sign := newResolved(t, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		upstream := &service{t: t, secret: testSecret}
		for _, want := range []time.Duration{5 * time.Second, 0} {
			began := time.Now()
			if w := upstream.send(sign, uploadRequest(formOf(demoKey))); w.Code != http.StatusServiceUnavailable || time.Since(began) != want {
				t.Errorf("response %d after %s", w.Code, time.Since(began))
			}
		}
	})
}

// A resolver that says when to ask again is not asked before, and clients are
// refused for that reason, in both dialects.
func TestClientsGetTheResolversRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		calls, back := 0, false
		sign := newResolved(t, func(*http.Request) (*http.Response, error) {
			calls++
			response := httptest.NewRecorder()
			if back {
				_, _ = response.WriteString(fixture.Pair(testSecret, time.Now().Add(time.Hour).Unix()))
			} else {
				response.Header().Set("Retry-After", "20")
				response.WriteHeader(http.StatusTooManyRequests)
			}
			return response.Result(), nil
		})
		upstream := &service{t: t, secret: testSecret}
		for second, want := range []string{"20", "19", "18"} {
			r := uploadRequest(formOf(demoKey))
			status := http.StatusServiceUnavailable
			if second == 1 {
				r.URL.RawQuery, status = uploadapi.ParamJSONErrors+"=1", http.StatusOK
			}
			if w := upstream.send(sign, r); w.Code != status || w.Header().Get("Retry-After") != want {
				t.Errorf("after %d s: response %d, Retry-After %q", second, w.Code, w.Header().Get("Retry-After"))
			}
			time.Sleep(time.Second)
		}
		back = true
		for range 16 {
			upstream.send(sign, uploadRequest(formOf(demoKey)))
			time.Sleep(time.Second)
		}
		if calls != 1 {
			t.Errorf("%d calls in 19 s", calls)
		}
		time.Sleep(time.Second)
		if got := upstream.upload(sign); got != "accepted" {
			t.Error(got)
		}
	})
}

// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
)

// prepare prepares a request as Caddy's server does.
func prepare(r *http.Request) *http.Request {
	return caddyhttp.PrepareRequest(r, caddy.NewReplacer(), httptest.NewRecorder(), new(caddyhttp.Server))
}

func TestAValueThatCannotBeSentIsRefusedWith403(t *testing.T) {
	sign := mustSign(t, `{"projects":[{"public_key":"demopublickey","source":{"module":"resolver",
		"url":"https://app/","transport":`+fixture.TransportJSON+`,"headers":{"X-User":["u={http.request.uri.query.user}"]}}}]}`)
	fixture.SetTransport(fixture.RespondWith(func(r *http.Request) string {
		t.Errorf("the resolver was asked with %v", r.Header)
		return ""
	}))
	for _, user := range []string{"a%0d%0aX-Other:%201", "a%0a", "%00", "%7f"} {
		r := prepare(uploadRequest(formOf(demoKey, file("file", "a", "b"))))
		r.URL.RawQuery = "user=" + user
		rec, w := serve(t, sign, r)
		if w.Code != http.StatusForbidden || rec.err == nil || !strings.Contains(w.Body.String(), "Uploads are not allowed.") {
			t.Errorf("%s: response %d %q", user, w.Code, w.Body)
		}
	}
}

func TestTheResolversHeadersDoNotReachTheUpstream(t *testing.T) {
	var asked []http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header)
		if r.Header.Get("Authorization") == "Bearer mallory" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		fmt.Fprint(w, fixture.Pair("secret of "+r.Header.Get("Authorization"), time.Now().Unix()+3600))
	}))
	t.Cleanup(server.Close)
	sign := mustSign(t, `{"projects":[{"public_key":"demopublickey","source":{"module":"resolver","url":"`+server.URL+`",
		"headers":{"Authorization":["{http.request.header.Authorization}"],"Cookie":["s={http.request.cookie.session}"]}}}]}`)
	upload := func(who string) (*received, int) {
		r := uploadRequest(formOf(demoKey, file("file", "a", "b")))
		r.Header.Set("Authorization", "Bearer "+who)
		r.Header.Set("Cookie", "other=1; session=of-"+who)
		rec, w := serve(t, sign, prepare(r))
		return rec, w.Code
	}
	for i, who := range []string{"ann", "bob", "ann"} {
		rec, status := upload(who)
		if status != http.StatusOK {
			t.Fatalf("%s: response %d", who, status)
		}
		checkCredential(t, parseForm(t, rec.body), "secret of Bearer "+who)
		if len(rec.request.Header["Authorization"])+len(rec.request.Header["Cookie"]) > 0 {
			t.Errorf("the upstream sees %v", rec.request.Header)
		}
		if want := min(i+1, 2); len(asked) != want || i < 2 && asked[i].Get("Cookie") != "s=of-"+who {
			t.Errorf("%s: the resolver was asked with %v", who, asked)
		}
	}
	if rec, status := upload("mallory"); status != http.StatusForbidden || rec.err == nil {
		t.Errorf("a refused caller: response %d, %v", status, rec.err)
	}
}

// Servers hang up on requests that they do not like (`return 444` of nginx).
// That must not keep other callers from being asked for.
func TestACallerOnWhomTheResolverHangsUpIsAloneWithThat(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, fixture.Pair(testSecret, time.Now().Unix()+3600))
	}))
	t.Cleanup(server.Close)
	sign := mustSign(t, `{"projects":[{"public_key":"demopublickey","source":{"module":"resolver","url":"`+server.URL+`","retries":0,
		"headers":{"Authorization":["{http.request.header.Authorization}"]}}}]}`)
	upload := func(authorization string) int {
		r := uploadRequest(formOf(demoKey, file("file", "a", "b")))
		r.Header.Set("Authorization", authorization)
		_, w := serve(t, sign, prepare(r))
		return w.Code
	}
	for _, who := range []string{"", "Bearer ann"} {
		want := http.StatusOK
		if who == "" {
			want = http.StatusServiceUnavailable
		}
		if status := upload(who); status != want {
			t.Errorf("%q: response %d, want %d", who, status, want)
		}
	}
}

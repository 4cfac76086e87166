// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// A source that hands its tokens out yields one for the header too, and what it
// cannot yield is reported before the body is read.
func TestAnAccessTokenOfASourceIsUsed(t *testing.T) {
	minted, err := token.MintAccessToken(testSecret, time.Now(), time.Hour, []string{"/*"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	expired := minted
	expired.Issued, expired.Expire = expired.Issued-7200, expired.Expire-7200
	const noCredential = "No credential can be had for this project now. Try again later."
	tests := map[string]struct {
		token  token.Token
		err    error
		status int
		text   string
	}{
		"a token":                 {minted, nil, 200, "{}"},
		"an expired one":          {expired, nil, 503, noCredential},
		"a signature":             {token.Mint(testSecret, time.Now(), time.Hour), nil, 503, noCredential},
		"refused":                 {token.Token{}, token.ErrRefused, 403, "Uploads are not allowed."},
		"failing":                 {token.Token{}, errors.New("down"), 503, noCredential},
		"no source to be reached": {token.Token{}, token.ErrUnreachable, 503, noCredential},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sign := mustSign(t, `{"projects":[{"public_key":"demopublickey","scheme":"token","source":{"module":"scripted_in_test","key":"`+name+`"}}]}`)
			fixture.Loaded(name).Return(test.token, test.err)
			r := uploadRequest(formOf(demoKey, file("file", "a", "b")))
			if test.status != http.StatusOK {
				r.ContentLength, r.Body = 1, io.NopCloser(iotest.ErrReader(errors.New("the body was read")))
				r.Header.Set("Expect", "100-continue") // so that it is not read off either
			}
			rec, w := serve(t, sign, r)
			if w.Code != test.status || w.Body.String() != test.text || rec.called != (test.status == http.StatusOK) {
				t.Fatalf("response %d %q, passed on: %v", w.Code, w.Body, rec.called)
			}
			if retry := w.Header().Get("Retry-After"); (retry != "") != (test.status == 503) {
				t.Errorf("Retry-After %q", retry)
			}
			if rec.called {
				if text, _ := checkBearer(t, rec.request, "/base/"); text != minted.AccessToken {
					t.Error("another token was sent")
				}
			}
		})
	}
	t.Run("a client that left", func(t *testing.T) {
		sign := mustSign(t, `{"projects":[{"public_key":"demopublickey","scheme":"token","source":{"module":"scripted_in_test","key":"left"}}]}`)
		fixture.Loaded("left").Return(token.Token{}, errors.New("down"))
		left, leave := context.WithCancel(t.Context())
		leave()
		if rec, w := serve(t, sign, uploadRequest(formOf(demoKey)).WithContext(left)); w.Code != statusClientClosedRequest || rec.called {
			t.Errorf("response %d %q", w.Code, w.Body)
		}
	})
}

// A fallback of the other scheme must not leave an empty credential.
func TestAFallbackThatYieldsNoAccessTokenIsRefusedWith503(t *testing.T) {
	sign := mustSign(t, `{"projects":[{"public_key":"demopublickey","scheme":"token","source":{"module":"scripted_in_test","key":"a"},
		"fallback":{"module":"scripted_in_test","key":"b"}}]}`)
	fixture.Loaded("a").Return(token.Token{}, errors.New("down"))
	fixture.Loaded("b").Return(token.Mint(testSecret, time.Now(), time.Hour), nil)
	if rec, w := serve(t, sign, uploadRequest(formOf(demoKey))); w.Code != http.StatusServiceUnavailable || rec.called {
		t.Errorf("response %d %q", w.Code, w.Body)
	}
}

// A gateway whose clock is wrong, and is known to be, mints for the service's.
func TestAccessTokensAreMintedByTheServicesClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(2 * 365 * 24 * time.Hour)
		sign := mustSign(t, strings.Replace(schemeTokenProject, `"module"`, `"lifetime":"90s","operations":3,"module"`, 1))
		upstream := &service{t: t, secret: testSecret, ahead: 10 * time.Minute, secure: true}
		if got := upstream.upload(sign); got != "accepted" {
			t.Fatal(got)
		}
		rec, _ := serve(t, sign, uploadRequest(formOf(demoKey)))
		text := strings.TrimPrefix(rec.request.Header.Get("Authorization"), "Bearer ")
		verified, err := token.VerifyAccessToken(testSecret, text, time.Now().Add(10*time.Minute))
		if err != nil || verified.Expire != time.Now().Add(10*time.Minute+90*time.Second).Unix() || verified.Operations != 3 {
			t.Errorf("%+v, %v", verified, err)
		}
	})
}

func TestOptionsOfSchemeTokenAreChecked(t *testing.T) {
	project := func(scheme, options string) string {
		return `{"projects":[{"public_key":"p","scheme":"` + scheme + `","source":{"module":"secret_key","keys":["` + testSecret + `"]` + options + `}}]}`
	}
	other := `{"public_key":"q","source":{"module":"secret_key","keys":["s"]}}`
	tests := map[string]struct{ config, want string }{
		"an unknown scheme":          {project("jwt", ""), `scheme: "jwt" is neither signature nor token`},
		"a lifetime of above a day":  {project("token", `,"lifetime":"24h1s"`), "lifetime: 24h0m1s is more than 24h0m0s, the longest in scheme token"},
		"operations of signatures":   {project("signature", `,"operations":1`), "operations: only scheme token has them"},
		"operations by default":      {project("", `,"operations":1`), "operations: only scheme token has them"},
		"too many operations":        {project("token", `,"operations":100001`), "operations: 100001 is not between 1 and 100000"},
		"negative operations":        {project("token", `,"operations":-1`), "operations: -1 is not between 1 and 100000"},
		"a threshold":                {strings.Replace(project("token", ""), `"scheme"`, `"threshold":"1m","scheme"`, 1), "threshold: access tokens are made for each request"},
		"the first of two projects":  {strings.Replace(project("token", ""), "}}]}", "}},"+other+"]}", 1), "must be the handler's only one"},
		"the second of two projects": {strings.Replace(project("token", ""), "[{", "["+other+",{", 1), "must be the handler's only one"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := newSign(t, test.config); err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), testSecret) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
	for name, config := range map[string]string{
		"a lifetime of a day":              project("token", `,"lifetime":"24h"`),
		"one that is below the threshold":  project("token", `,"lifetime":"1s"`),
		"all operations":                   project("token", `,"operations":100000`),
		"signatures that live for a month": project("signature", `,"lifetime":"720h"`),
	} {
		t.Run(name, func(t *testing.T) { mustSign(t, config) })
	}
	t.Run("signatures to hand out", func(t *testing.T) {
		_, err := newSignature(t, `{"project":{"public_key":"p","scheme":"token","source":{"module":"secret_key","keys":["`+testSecret+`"]}}}`)
		if err == nil || !strings.Contains(err.Error(), "there are no signatures to hand out in scheme token") {
			t.Errorf("got %v", err)
		}
	})
	if count := countCaches(t); count != 0 {
		t.Errorf("%d token caches were not given back", count)
	}
}

// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// prepare prepares a request as Caddy's server does.
func prepare(r *http.Request) *http.Request {
	return caddyhttp.PrepareRequest(r, caddy.NewReplacer(), httptest.NewRecorder(), new(caddyhttp.Server))
}

func replacerOf(r *http.Request) *caddy.Replacer {
	return r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
}

func TestHeadersHaveTheValuesOfTheRequest(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("{http.request.header.Authorization}{env.HOME}"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("APP", "shop")
	tests := map[string]struct{ raw, want string }{
		"a header":                     {"{http.request.header.Authorization}", "Bearer {env.APP}"},
		"in odd case":                  {"{http.request.header.authorization}", "Bearer {env.APP}"},
		"a cookie":                     {"session={http.request.cookie.session}", "session=42"},
		"a parameter":                  {"{http.request.uri.query.user}", "ann"},
		"an address":                   {"{http.request.remote.host}", "192.0.2.1"},
		"a variable and the request":   {"{env.APP}:{http.request.cookie.session}", "shop:42"},
		"a file and the request":       {"{http.request.cookie.session}:{file." + secret + "}", "42:{http.request.header.Authorization}{env.HOME}"},
		"what a handler has set":       {"{http.auth.user.id}", "ann"},
		"what no handler has set":      {"{http.auth.user.email}", ""},
		"a header that is not there":   {"{http.request.header.X-None}", ""},
		"a cookie that is not there":   {"session={http.request.cookie.none}", ""},
		"a file, and nothing else":     {"{file." + secret + "}{http.request.cookie.none}", ""},
		"one of two that is not there": {"{http.request.cookie.none}/{http.request.cookie.session}", "/42"},
		"braces":                       {`\{{http.request.cookie.session}\}`, "{42}"},
		"nothing of the request":       {"{env.APP}", "shop"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			resolver := mustResolver(t, fmt.Sprintf(`{"url":"https://app/","retries":0,"transport":%s,"headers":{"X-Key":[%q]}}`, fixture.TransportJSON, test.raw))
			var header http.Header
			fixture.SetTransport(fixture.RespondWith(func(r *http.Request) string {
				header = r.Header
				return fixture.Pair(fixture.Secret, time.Now().Add(time.Hour).Unix())
			}))
			r := httptest.NewRequest(http.MethodPost, "/base/?user=ann", nil)
			r.Header.Set("Authorization", "Bearer {env.APP}")
			r.Header.Set("Cookie", "session=42")
			r = prepare(r)
			replacerOf(r).Set("http.auth.user.id", "ann")
			bound, err := resolver.ForRequest(replacerOf(r))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := bound.Token(t.Context(), time.Now()); err != nil {
				t.Fatal(err)
			}
			values, sent := header["X-Key"]
			if sent != (test.want != "") || sent && values[0] != test.want {
				t.Errorf("got %q, want %q", values, test.want)
			}
		})
	}
}

func TestCallersAreDistinguishedByAllThatIsSent(t *testing.T) {
	resolver := mustResolver(t, `{"url":"https://app/","headers":{"A":["{http.request.header.A}"],"B":["{http.request.header.B}"],"X-Key":["x"]}}`)
	keys := make(map[string]string)
	for _, values := range [][2]string{{"", ""}, {"1", ""}, {"", "1"}, {"1", "1"}, {"1 ", "1"}, {`1" "B":"1`, ""}, {"2", "1"}} {
		r := httptest.NewRequest(http.MethodPost, "/base/", nil)
		r.Header = http.Header{"A": {values[0]}, "B": {values[1]}, "C": {time.Now().String()}}
		bound, err := resolver.ForRequest(replacerOf(prepare(r)))
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprint(values)
		if other, twice := keys[bound.CacheKey()]; twice {
			t.Errorf("%s has the key of %s", name, other)
		}
		keys[bound.CacheKey()] = name
		again, _ := resolver.ForRequest(replacerOf(prepare(r)))
		if again.CacheKey() != bound.CacheKey() {
			t.Errorf("%s has two keys", name)
		}
	}
}

func TestAResolverThatDependsOnTheRequestIsNotAskedWithoutOne(t *testing.T) {
	resolver := mustResolver(t, `{"url":"https://app/","transport":`+fixture.TransportJSON+`,"headers":{"A":["{http.request.header.A}"]}}`)
	fixture.SetTransport(fixture.RespondWith(func(*http.Request) string {
		t.Error("it was asked")
		return ""
	}))
	if got, err := resolver.Token(t.Context(), time.Now()); err == nil || got != (token.Token{}) || errors.Is(err, source.ErrRefused) {
		t.Errorf("got %s, %v", got, err)
	}
}

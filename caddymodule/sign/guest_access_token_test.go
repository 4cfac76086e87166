// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// issuer is the guest module `uploadcare.sources.issuer_in_test`: a source of another
// author's that makes an access token for each request, as its kind says, by itself or
// with a key.
type issuer struct {
	Kind string `json:"kind,omitempty"`
}

// keyedIssuer is `uploadcare.sources.keyed_issuer_in_test`.
type keyedIssuer struct{ issuer }

func init() {
	caddy.RegisterModule(new(issuer))
	caddy.RegisterModule(new(keyedIssuer))
}

func (*issuer) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: source.Namespace + ".issuer_in_test", New: func() caddy.Module { return new(issuer) }}
}

func (*keyedIssuer) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: source.Namespace + ".keyed_issuer_in_test", New: func() caddy.Module { return new(keyedIssuer) }}
}

func (i *issuer) CacheKey() string { return i.Kind }

func (*issuer) Token(context.Context, time.Time) (source.Token, error) {
	return source.Token{}, errors.New("asked for no request")
}

func (i *issuer) AccessToken(now time.Time, paths []string) (source.Token, error) {
	switch i.Kind {
	case "nothing":
		return source.Token{}, nil
	case "a signature":
		return token.Mint(testSecret, now, time.Hour), nil
	case "an expired one":
		return token.MintAccessToken(testSecret, now.Add(-2*time.Hour), time.Hour, paths, 0)
	case "a panic":
		panic(testSecret)
	case "a refusal":
		return source.Token{}, source.ErrRefused
	default:
		return source.Token{}, errors.New("down")
	}
}

func (*issuer) Made(source.Token) bool { return false }

func (i *keyedIssuer) SecretKeys() []source.Key { return []source.Key{&i.issuer} }

// Interface guards
var (
	_ source.AccessTokenSource = (*issuer)(nil)
	_ source.Key               = (*issuer)(nil)
	_ source.KeyedSource       = (*keyedIssuer)(nil)
)

// What a source makes for one request is checked as what others hand out: it does not
// leave if it is none, and the operator learns why.
func TestAccessTokensOfAGuestSourceAreChecked(t *testing.T) {
	for kind, test := range map[string]struct {
		status int
		want   string
	}{
		"nothing":        {http.StatusServiceUnavailable, "the source yields no credential of scheme token"},
		"a signature":    {http.StatusServiceUnavailable, "the source yields no credential of scheme token"},
		"an expired one": {http.StatusServiceUnavailable, token.ErrExpired.Error() + ", by 1h0m0s: compare the clocks of this machine and of the source"},
		"a panic":        {http.StatusServiceUnavailable, "the source panicked with a string"},
		"a failure":      {http.StatusServiceUnavailable, "down"},
		"a refusal":      {http.StatusForbidden, source.ErrRefused.Error()},
	} {
		for _, module := range []string{"issuer_in_test", "keyed_issuer_in_test"} {
			t.Run(kind+" of "+module, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(untilTenDigits)
					sign := mustSign(t, `{"projects":[{"public_key":"demopublickey","scheme":"token","source":{"module":"`+module+`","kind":"`+kind+`"}}]}`)
					logs := observeAll(sign)
					for range 3 {
						rec, w := serve(t, sign, uploadRequest(formOf(demoKey, file("file", "a", "b"))))
						if w.Code != test.status || rec.called {
							t.Errorf("response %d %q, passed on: %t", w.Code, w.Body, rec.called)
						}
					}
					logged := 0
					for _, entry := range logs.All() {
						if strings.Contains(entry.Message, "the source") && entry.Level > zapcore.DebugLevel {
							logged++
							if got, _ := entry.ContextMap()["error"].(string); got != test.want {
								t.Errorf("the log says %q, want %q", got, test.want)
							}
						}
					}
					if want := map[bool]int{true: 3, false: 1}[test.status == http.StatusForbidden]; logged != want {
						t.Errorf("the log says it %d times, want %d", logged, want)
					}
				})
			})
		}
	}
}

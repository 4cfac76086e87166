// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// keyServer is the guest module `uploadcare.sources.key_server_in_test`: a source of
// another author's that asks for what its keys sign, and may not get it.
type keyServer struct {
	Keys []string `json:"keys,omitempty"`
}

func init() { caddy.RegisterModule(new(keyServer)) }

func (*keyServer) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: source.Namespace + ".key_server_in_test", New: func() caddy.Module { return new(keyServer) }}
}

func (k *keyServer) SecretKeys() (all []source.Key) {
	for _, key := range k.Keys {
		all = append(all, serverKey(key))
	}
	return all
}

func (k *keyServer) CacheKey() string { return strings.Join(k.Keys, " ") }

func (k *keyServer) Token(ctx context.Context, now time.Time) (source.Token, error) {
	return serverKey(k.Keys[0]).Token(ctx, now)
}

type serverKey string

// failing is the key that signs nothing now.
var failing atomic.Pointer[serverKey]

func (k serverKey) Token(_ context.Context, now time.Time) (source.Token, error) {
	if down := failing.Load(); down != nil && *down == k {
		return source.Token{}, source.ErrUnreachable
	}
	return token.Mint(string(k), now, time.Hour), nil
}

func (k serverKey) AccessToken(now time.Time, paths []string) (source.Token, error) {
	if down := failing.Load(); down != nil && *down == k {
		return source.Token{}, source.ErrUnreachable
	}
	return token.MintAccessToken(string(k), now, time.Hour, paths, 0)
}

func (k serverKey) CacheKey() string         { return string(k) }
func (k serverKey) Made(t source.Token) bool { return token.IsMadeWith(string(k), t) }

// fail makes a key sign nothing until the test ends, or until recovers is called.
func fail(t *testing.T, key serverKey) (recovers func()) {
	t.Helper()
	failing.Store(&key)
	t.Cleanup(func() { failing.Store(nil) })
	return func() { failing.Store(nil) }
}

// Interface guards
var (
	_ source.KeyedSource       = (*keyServer)(nil)
	_ source.Key               = serverKey("")
	_ source.AccessTokenSource = serverKey("")
)

func withKeyServer(scheme string, keys ...string) string {
	return strings.Replace(withKeys(scheme, keys...), `"secret_key"`, `"key_server_in_test"`, 1)
}

// A key that cannot sign costs no upload: one that would be tried with it leaves with
// the key that signs for all.
func TestAnUploadIsNotLostToAKeyThatCannotSign(t *testing.T) {
	for _, scheme := range []string{source.SchemeSignature, source.SchemeToken} {
		t.Run(scheme, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(untilTenDigits)
				sign := mustSign(t, withKeyServer(scheme, "canary-1", "canary-2"))
				fail(t, "canary-2")
				upstream := &service{t: t, secret: "canary"}
				upstream.large(sign)
				time.Sleep(suspicionTime)
				upstream.large(sign)
				upstream.secret = "canary-1"
				for range 3 {
					if got := upstream.large(sign); got != "accepted" {
						t.Error(got)
					}
				}
			})
		})
	}
}

// When all keys have been rejected for long, one upload at a time is sent again: also
// after one whose next key could not sign.
func TestAKeyThatCannotSignLetsTheNextUploadBeOnTrial(t *testing.T) {
	for _, scheme := range []string{source.SchemeSignature, source.SchemeToken} {
		t.Run(scheme, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(untilTenDigits)
				sign := mustSign(t, withKeyServer(scheme, "canary-1", "canary-2"))
				upstream := &service{t: t, secret: "canary"}
				upstream.upload(sign)
				time.Sleep(suspicionTime + trialsTime)
				upstream.upload(sign)
				recovers := fail(t, "canary-2")
				upstream.upload(sign)
				recovers()
				upstream.secret = "canary-2"
				if got := upstream.upload(sign); got != "accepted" {
					t.Error(got)
				}
			})
		})
	}
}

// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// vault is the guest module `uploadcare.sources.vault_in_test`: a source of
// a third party's that signs with secret keys.
type vault struct {
	Keys []string `json:"keys,omitempty"`
}

func init() { caddy.RegisterModule(new(vault)) }

func (*vault) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: source.Namespace + ".vault_in_test", New: func() caddy.Module { return new(vault) }}
}

func (v *vault) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume source name
	v.Keys = d.RemainingArgs()
	return nil
}

func (v *vault) Token(ctx context.Context, now time.Time) (source.Token, error) {
	return v.SecretKeys()[0].Token(ctx, now)
}

func (v *vault) CacheKey() string { return fmt.Sprint(v.Keys) }

func (v *vault) SecretKeys() (keys []source.Key) {
	for _, key := range v.Keys {
		keys = append(keys, vaultKey(key))
	}
	return keys
}

func (*vault) Local() {}

func (v *vault) ValidateScheme(scheme string) error {
	if scheme == source.SchemeToken && slices.Contains(v.Keys, "signs no token") {
		return fmt.Errorf("vault: a key is not for scheme %s", scheme)
	}
	return nil
}

type vaultKey string

func (k vaultKey) Token(_ context.Context, now time.Time) (source.Token, error) {
	if k == "broken" {
		return source.Token{}, source.ErrUnreachable
	}
	return token.Mint(string(k), now, time.Hour), nil
}

func (k vaultKey) AccessToken(now time.Time, paths []string) (source.Token, error) {
	return token.MintAccessToken(string(k), now, time.Hour, paths, 0)
}

func (k vaultKey) CacheKey() string              { return string(k) }
func (k vaultKey) Made(minted source.Token) bool { return token.IsMadeWith(string(k), minted) }

// Interface guards
var (
	_ caddyfile.Unmarshaler    = (*vault)(nil)
	_ source.KeyedSource       = (*vault)(nil)
	_ source.LocalSource       = (*vault)(nil)
	_ source.SchemeValidator   = (*vault)(nil)
	_ source.Key               = vaultKey("")
	_ source.AccessTokenSource = vaultKey("")
)

func withVault(scheme string, keys ...string) string {
	return strings.Replace(withKeys(scheme, keys...), `"secret_key"`, `"vault_in_test"`, 1)
}

// The keys of any source take turns, in one request if it can be made again, and
// from then on for all.
func TestTheKeysOfAGuestSourceTakeTurns(t *testing.T) {
	for scheme, invalid := range map[string]string{source.SchemeSignature: "Invalid signature.", source.SchemeToken: "Invalid token. Reason: signature does not match"} {
		t.Run(scheme, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(untilTenDigits)
				keys := []string{"canary-1", "canary-2", "canary-3"}
				sign := mustSign(t, withVault(scheme, keys...))
				logs := observeAll(sign)
				upstream := &service{t: t, secret: "canary-3"}
				for range 3 {
					if got := upstream.upload(sign); got != "accepted" {
						t.Error(got)
					}
					time.Sleep(time.Hour)
				}
				wantSaid(t, "the service said", upstream.said(), invalid, invalid, "accepted", "accepted", "accepted")
				upstream.wantKey(sign, 2, keys...)
				after := mustSign(t, withVault(scheme, keys...)) // reloaded
				upstream.wantKey(after, 2, keys...)
				upstream.secret = "canary-1"
				upstream.wantKey(sign, 0, keys...)
				wantSaid(t, "the log for the operator", operatorLog(logs), mayBeClient+"invalid", keyWorks+"3 of 3", mayBeClient+"invalid", keyWorks+"1 of 3")
			})
		})
	}
}

// A stream is tried with another key when some have been rejected over a minute.
func TestStreamsTryTheKeysOfAGuestSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(untilTenDigits)
		sign := mustSign(t, withVault(source.SchemeSignature, "canary-1", "canary-2"))
		upstream := &service{t: t, secret: "canary-2"}
		for _, want := range []string{"Invalid signature.", "Invalid signature.", "accepted", "accepted"} {
			if got := upstream.large(sign); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			time.Sleep(suspicionTime)
		}
	})
}

// With one key there is no point in trying again, and a key that cannot sign
// fails the attempt alone: the client learns what the service said.
func TestAGuestSourceWithoutAnotherKeyThatSigns(t *testing.T) {
	for name, test := range map[string]struct {
		keys   []string
		logged []string
	}{
		"one":             {[]string{"canary-1"}, []string{mayBeClient + "invalid"}},
		"the same twice":  {[]string{"canary-1", "canary-1"}, []string{mayBeClient + "invalid"}},
		"one that cannot": {[]string{"canary-1", "broken"}, []string{mayBeClient + "invalid", "no credential from the source"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(untilTenDigits)
				sign := mustSign(t, withVault(source.SchemeSignature, test.keys...))
				logs := observeAll(sign)
				upstream := &service{t: t, secret: "canary"}
				if got := upstream.upload(sign); got != "Invalid signature." || len(upstream.arrivals) != 1 {
					t.Errorf("got %s, the service said %v", got, upstream.said())
				}
				wantSaid(t, "the log for the operator", operatorLog(logs), test.logged...)
			})
		})
	}
}

func TestOptionsOfAGuestSourceAreChecked(t *testing.T) {
	for name, test := range map[string]struct{ config, want string }{
		"of a scheme":   {withVault(source.SchemeToken, "signs no token"), "vault: a key is not for scheme token"},
		"no key":        {`{"projects":[{"public_key":"p","source":{"module":"vault_in_test"}}]}`, "vault_in_test: it has no secret key"},
		"shared":        {strings.Replace(withVault(source.SchemeSignature, "a"), `"scheme"`, `"shared":true,"scheme"`, 1), "shared: vault_in_test: it asks nobody"},
		"as a fallback": {`{"projects":[{"public_key":"p","source":{"module":"scripted_in_test"},"fallback":{"module":"vault_in_test","keys":["a"]}}]}`, "fallback: vault_in_test cannot stand in for another source: static can"},
	} {
		if _, err := newSign(t, test.config); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
	_, err := unmarshalSign("uploadcare_sign {\n vault_in_test a b\n static " + fixture.Signature + " 1678361640\n}")
	if err == nil || !strings.Contains(err.Error(), "the project has a source of credentials already, vault_in_test, which cannot fail") {
		t.Errorf("beside static: %v", err)
	}
	mustSign(t, withVault(source.SchemeToken, "signs tokens"))
}

// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// keyServer is the guest module `uploadcare.sources.key_server_in_test`: a source of
// another author's that asks for what its keys sign.
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

// CacheKey is where the keys are.
func (*keyServer) CacheKey() string { return "a server of keys" }

func (k *keyServer) Token(ctx context.Context, now time.Time) (source.Token, error) {
	return serverKey(k.Keys[0]).Token(ctx, now)
}

type serverKey string

func (k serverKey) Token(ctx context.Context, now time.Time) (source.Token, error) {
	switch {
	case ctx.Err() != nil:
		return source.Token{}, errors.New("the upload that asked has gone")
	case k == "broken":
		return source.Token{}, source.ErrUnreachable
	}
	return token.Mint(string(k), now, time.Hour), nil
}

func (k serverKey) CacheKey() string         { return string(k) }
func (k serverKey) Made(t source.Token) bool { return token.IsMadeWith(string(k), t) }

// Interface guards
var (
	_ source.KeyedSource = (*keyServer)(nil)
	_ source.Key         = serverKey("")
)

func withKeyServer(options string, keys ...string) string {
	all, _ := json.Marshal(keys)
	return fmt.Sprintf(`{"projects":[{"public_key":"p","source":{"module":"key_server_in_test","keys":%s}%s}]}`, all, options)
}

// rotate has an upload accepted with the second key that was rejected with the first.
func rotate(t *testing.T, p *Project) {
	t.Helper()
	var first, second Signing
	p.attempt(t, &first)
	if !first.Rejected(uploadapi.Invalid) || !first.Renew(t.Context(), uploadapi.Invalid, &second) {
		t.Fatal("it is not sent again")
	}
	if got := p.attempt(t, &second); !token.IsMadeWith("two", got) {
		t.Fatal("it is sent again with another key than the second")
	}
	second.Accepted()
}

// Gateways that share what a source's keys sign do not go on with what the key has
// signed that the service did not take.
func TestSharedTokensAreThoseOfTheKeyThatSigns(t *testing.T) {
	storage := t.TempDir()
	p := newGateway(t, storage, `{"module":"key_server_in_test","keys":["one","two"]}`, 5*time.Minute).Projects[0]
	var before Signing
	if got := p.attempt(t, &before); !token.IsMadeWith("one", got) {
		t.Fatal("the first key does not sign")
	}
	before.Accepted()
	stored(t, storage, 1)
	rotate(t, p)
	for range 3 {
		var after Signing
		if got := p.attempt(t, &after); !token.IsMadeWith("two", got) {
			t.Error("it leaves with what the first key has signed")
		}
		after.Accepted()
	}
	stored(t, storage, 2)
}

// A client that leaves while its upload is about to be sent again is no failure of the
// key that would sign it.
func TestAKeyDoesNotFailBecauseTheClientHasLeft(t *testing.T) {
	p := MustProject(t, withKeyServer("", "one", "two"))
	logs := observe(p, zapcore.ErrorLevel)
	var first, second Signing
	p.attempt(t, &first)
	first.Rejected(uploadapi.Invalid)
	left, leave := context.WithCancel(t.Context())
	leave()
	if !first.Renew(left, uploadapi.Invalid, &second) {
		t.Error("the key does not sign")
	}
	if said := logs.TakeAll(); len(said) > 0 {
		t.Errorf("the log says %v", said)
	}
}

// Which key signs is known of the same keys alone, not of others that the same source
// has when the config is loaded again.
func TestOtherKeysOfAGuestSourceBeginFromTheFirst(t *testing.T) {
	before := MustProject(t, withKeyServer("", "one", "two"))
	rotate(t, before)
	for first, keys := range map[string][]string{"two": {"one", "two"}, "three": {"three", "four"}} {
		var signing Signing
		if got := MustProject(t, withKeyServer("", keys...)).attempt(t, &signing); !token.IsMadeWith(first, got) {
			t.Errorf("of %v it is not %q that signs", keys, first)
		}
	}
}

// halfAble is the guest module `uploadcare.sources.half_able_in_test`, of whose keys one
// makes access tokens.
type halfAble struct{ keyServer }

func init() { caddy.RegisterModule(new(halfAble)) }

func (*halfAble) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: source.Namespace + ".half_able_in_test", New: func() caddy.Module { return new(halfAble) }}
}

func (h *halfAble) SecretKeys() []source.Key { return []source.Key{serverKey("one"), ableKey{"two"}} }

type ableKey struct{ serverKey }

func (k ableKey) AccessToken(now time.Time, paths []string) (source.Token, error) {
	return token.MintAccessToken(string(k.serverKey), now, time.Hour, paths, 0)
}

// askedKeys is the guest module `uploadcare.sources.asked_keys_in_test`, which has keys
// and depends on the request.
type askedKeys struct{ keyServer }

func init() { caddy.RegisterModule(new(askedKeys)) }

func (*askedKeys) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: source.Namespace + ".asked_keys_in_test", New: func() caddy.Module { return new(askedKeys) }}
}

func (*askedKeys) DependsOnRequest() bool { return true }

func (a *askedKeys) ForRequest(*caddy.Replacer) (source.Source, error) { return a, nil }

// Interface guards
var (
	_ source.KeyedSource       = (*halfAble)(nil)
	_ source.KeyedSource       = (*askedKeys)(nil)
	_ source.RequestSource     = (*askedKeys)(nil)
	_ source.AccessTokenSource = ableKey{}
)

func TestWhatDoesNotGoWithAGuestSourceIsALoadError(t *testing.T) {
	for name, test := range map[string]struct{ config, want string }{
		"keys of which some make access tokens": {
			`{"projects":[{"public_key":"p","scheme":"token","source":{"module":"half_able_in_test"}}]}`,
			"half_able_in_test: some of its secret keys make access tokens, and some do not",
		},
		"keys, and one that depends on the request": {
			`{"projects":[{"public_key":"p","source":{"module":"asked_keys_in_test","keys":["one"]}}]}`,
			"asked_keys_in_test depends on the request: its secret keys would never sign",
		},
		"a fallback of what is made for each request": {
			`{"projects":[{"public_key":"p","scheme":"token","source":{"module":"secret_key","keys":["one"]},"fallback":{"module":"fixed_in_test","lifetime":"1h","in_header":true}}]}`,
			"fallback: access tokens are made for each request, and fixed_in_test would never stand in",
		},
	} {
		if _, err := NewProjects(t, test.config); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
}

// What a fallback yields is checked as what the source does.
func TestAFallbackThatPanicsOrYieldsNothingIsNone(t *testing.T) {
	p := MustProject(t, `{"projects":[{"public_key":"p","source":{"module":"scripted_in_test","key":"down"},"fallback":{"module":"scripted_in_test","key":"odd"}}]}`)
	fixture.Loaded("down").Return(token.Token{}, source.ErrUnreachable)
	for name, odd := range map[string]func(int, time.Time) (token.Token, error){
		"a panic": func(int, time.Time) (token.Token, error) { panic(fixture.Secret) },
		"an access token": func(_ int, now time.Time) (token.Token, error) {
			return token.MintAccessToken(fixture.Secret, now, time.Hour, []string{"/*"}, 0)
		},
		"an expired one": func(_ int, now time.Time) (token.Token, error) {
			return token.Mint(fixture.Secret, now.Add(-2*time.Hour), time.Hour), nil
		},
	} {
		fixture.Loaded("odd").Script(odd)
		var signing Signing
		if got, err := signing.Token(t.Context(), p.grantor(), "p"); !errors.Is(err, source.ErrUnreachable) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

// While a token is made for an upload, another upload's response may correct the clock.
// The token that was made for the wrong time is made anew.
func TestATokenIsMadeAnewIfTheClockIsCorrectedMeanwhile(t *testing.T) {
	for _, scheme := range []string{source.SchemeSignature, source.SchemeToken} {
		clock := token.SystemClock()
		p := &Project{Scheme: scheme, credentials: &credentials{clock: clock}, metrics: newProjectMetrics("corrected", "secret_key", false, nil)}
		calls := 0
		fresh, err := p.forAttempt(func(now time.Time) (source.Token, error) {
			if calls++; calls == 1 {
				clock.Correct(2 * time.Hour)
			}
			if scheme == source.SchemeToken {
				return token.MintAccessToken("secret", now, time.Hour, []string{"/base/"}, 0)
			}
			return token.Mint("secret", now, time.Hour), nil
		})
		if err != nil || calls != 2 || fresh.Expired(clock.Now().Wall, 0) {
			t.Errorf("%s: %v, %v after %d calls", scheme, fresh, err, calls)
		}
	}
}

// What is made for each upload says, too, that its source responds again.
func TestASourceOfAccessTokensIsUpAgain(t *testing.T) {
	p := MustProject(t, `{"projects":[{"public_key":"upagain","scheme":"token","source":{"module":"secret_key","keys":["one"]}}]}`)
	logs := observe(p, zapcore.InfoLevel)
	const up = `caddy_uploadcare_source_up{project="upagain",source="secret_key"}`
	_, _ = p.forAttempt(func(time.Time) (source.Token, error) { return source.Token{}, errors.New("down") })
	Reported.Want(t, map[string]float64{up: 0})
	logs.TakeAll()
	p.attempt(t, new(Signing))
	p.attempt(t, new(Signing))
	Reported.Want(t, map[string]float64{up: 1})
	fixture.WantLines(t, logs, "info the source responds again source=secret_key failures=1")
}

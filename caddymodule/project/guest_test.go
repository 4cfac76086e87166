// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// keyServer is the guest module `uploadcare.sources.key_server_in_test`: a source of
// somebody else's that asks for what its keys sign.
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
		return source.Token{}, errors.New("whoever asked has gone")
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

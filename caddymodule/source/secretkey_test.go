// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

func TestKeysKnowTheTokensThatTheyMade(t *testing.T) {
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	loaded, err := ctx.LoadModuleByID("uploadcare.sources.secret_key", json.RawMessage(`{"keys":["canary-1","canary-2"]}`))
	if err != nil {
		t.Fatal(err)
	}
	now, secrets := time.Now(), []string{"canary-1", "canary-2", "canary-3"}
	for i, key := range loaded.(*SecretKey).SecretKeys() {
		if got, err := key.Token(t.Context(), now); err != nil || got != token.Mint(secrets[i], now, defaultLifetime) {
			t.Errorf("key %d yields another token: %v", i+1, err)
		}
		for j, secret := range secrets {
			bearer, err := token.MintAccessToken(secret, now.Add(-48*time.Hour), time.Hour, []string{"/base/"}, 0)
			if err != nil {
				t.Fatal(err)
			}
			for scheme, minted := range map[string]Token{SchemeSignature: token.Mint(secret, now, time.Hour), SchemeToken: bearer} {
				if got := key.Made(minted); got != (i == j) {
					t.Errorf("key %d has made the %s of key %d: %t", i+1, scheme, j+1, got)
				}
			}
		}
		if key.Made(Token{AccessToken: "a.b.c"}) {
			t.Errorf("key %d has made what is no token", i+1)
		}
	}
}

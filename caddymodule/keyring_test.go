// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

func TestSignersOfTokens(t *testing.T) {
	sign := mustSign(t, withKeys(SchemeSignature, "canary-1", "canary-2"))
	keys, now := sign.Projects[0].keyring, time.Now()
	for i, secret := range []string{"canary-1", "canary-2", "canary-3"} {
		bearer, err := token.MintAccessToken(secret, now.Add(-48*time.Hour), time.Hour, []string{"/base/"}, 0)
		if err != nil {
			t.Fatal(err)
		}
		want := i
		if i == 2 {
			want = -1
		}
		for scheme, minted := range map[string]Token{SchemeSignature: token.Mint(secret, now, time.Hour), SchemeToken: bearer} {
			if got := keys.signer(minted); got != want {
				t.Errorf("%s by key %d: got %d", scheme, i+1, got+1)
			}
		}
	}
	if got := keys.signer(Token{AccessToken: "a.b.c"}); got != -1 {
		t.Errorf("what is no token was made with key %d", got+1)
	}
}

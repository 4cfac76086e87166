// SPDX-License-Identifier: Apache-2.0

package project

import (
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

func TestSignersOfTokens(t *testing.T) {
	project := mustProject(t, `{"projects":[{"public_key":"demopublickey","source":{"module":"secret_key","keys":["canary-1","canary-2"]}}]}`)
	keys, now := project.keyring, time.Now()
	for i, secret := range []string{"canary-1", "canary-2", "canary-3"} {
		bearer, err := token.MintAccessToken(secret, now.Add(-48*time.Hour), time.Hour, []string{"/base/"}, 0)
		if err != nil {
			t.Fatal(err)
		}
		want := i
		if i == 2 {
			want = -1
		}
		for scheme, minted := range map[string]token.Token{source.SchemeSignature: token.Mint(secret, now, time.Hour), source.SchemeToken: bearer} {
			if got := keys.signer(minted); got != want {
				t.Errorf("%s by key %d: got %d", scheme, i+1, got+1)
			}
		}
	}
	if got := keys.signer(token.Token{AccessToken: "a.b.c"}); got != -1 {
		t.Errorf("what is no token was made with key %d", got+1)
	}
}

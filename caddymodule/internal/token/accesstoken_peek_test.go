// SPDX-License-Identifier: Apache-2.0

package token_test

import (
	"strings"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

func TestAnAccessTokenIsPeekedAt(t *testing.T) {
	minted := mint(t, time.Hour, []string{"/base/"}, 1)
	if got, ok := token.PeekAccessToken(minted.AccessToken); !ok || got != minted {
		t.Errorf("%v, %v, want %v", got, ok, minted)
	}
	if got, ok := token.PeekAccessToken(hs256(`{"uc":{},"exp":1e300,"iat":-1}`)); !ok || got.Expire != 0 || got.Issued != 0 {
		t.Errorf("times out of range: %v, %v", got, ok)
	}
	for name, text := range map[string]string{
		"nothing": "", "no JWT": "a.b.c", "a site's own": hs256(`{"sub":"user","exp":4102444800}`),
		"a huge one": hs256(`{"uc":{},"x":"` + strings.Repeat("x", 8<<10) + `"}`),
	} {
		if got, ok := token.PeekAccessToken(text); ok {
			t.Errorf("%s is taken for an access token: %v", name, got)
		}
	}
}

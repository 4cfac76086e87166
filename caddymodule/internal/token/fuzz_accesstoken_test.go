// SPDX-License-Identifier: Apache-2.0

package token_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// isScope reports whether the service takes a scope, by its documentation.
func isScope(scope []string) bool {
	return len(scope) > 0 && len(scope) <= token.MaxScopeItems && !slices.ContainsFunc(scope, func(item string) bool {
		path, all := strings.CutSuffix(item, "/*")
		if all {
			path += "/"
		}
		return !strings.HasPrefix(item, "/") || strings.Contains(path, "*") || len([]rune(item)) > token.MaxScopeLength
	})
}

// FuzzMintedAccessTokens: an access token that is made is verified with its own secret key
// and with no other, says what it was made with, and allows the paths of its scope alone; and
// none is made that the service would refuse.
func FuzzMintedAccessTokens(f *testing.F) {
	f.Add("secret", uint32(jwtNow), 1800, "/base/ /multipart/*", 5, "/base")
	f.Add("", uint32(0), 86400, "/*", 0, "/base/")
	f.Add("s", uint32(1), 0, "base/ /a* /*/b", -1, "")
	f.Add("s", ^uint32(0), 86401, "/"+strings.Repeat("é", 63), 100_001, "/é/")
	f.Fuzz(func(t *testing.T, secret string, second uint32, lifetime int, paths string, operations int, path string) {
		scope, now := strings.Fields(paths), time.Unix(int64(second), 999_999_999)
		if !utf8.ValidString(paths) || lifetime < -1<<30 || lifetime > 1<<30 {
			return // JSON has no other text, and no such duration is written
		}
		minted, err := token.MintAccessToken(secret, now, time.Duration(lifetime)*time.Second, scope, operations)
		valid := lifetime >= 1 && lifetime <= 86400 && operations >= 0 && operations <= token.MaxOperations && isScope(scope)
		if (err == nil) != valid {
			t.Fatalf("for %ds, %q, %d: %v", lifetime, scope, operations, err)
		}
		if err != nil {
			return
		}
		verified, err := token.VerifyAccessToken(secret, minted.AccessToken, now)
		if err != nil || verified.Expire != minted.Expire || verified.Operations != operations || minted.Expire != int64(second)+int64(lifetime) {
			t.Fatalf("%+v of %v: %v", verified, minted, err)
		}
		whole := path
		if !strings.HasSuffix(whole, "/") {
			whole += "/"
		}
		allowed := slices.ContainsFunc(scope, func(item string) bool {
			prefix, all := strings.CutSuffix(item, "*")
			return all && strings.HasPrefix(whole, prefix) || whole == item
		})
		if got := verified.Allows(path); got != allowed {
			t.Fatalf("%q allows %q: %v", scope, path, got)
		}
		if _, err := token.VerifyAccessToken(secret+"x", minted.AccessToken, now); !errors.Is(err, token.ErrSignatureMismatch) {
			t.Fatalf("with another key: %v", err)
		}
		if peeked, ok := token.PeekAccessToken(minted.AccessToken); ok && peeked != minted || !ok && len(minted.AccessToken) <= 4<<10 {
			t.Fatalf("%v is peeked at as %v", minted, peeked)
		}
		if !token.IsMadeWith(secret, minted) || token.IsMadeWith(secret+"x", minted) {
			t.Fatal("its secret key is not recognised")
		}
	})
}

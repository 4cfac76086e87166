// SPDX-License-Identifier: Apache-2.0

package token

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"
)

// The published vectors: Uploadcare's signed-uploads package, its Rust client's
// tests and a recording of its Python client.
func TestSign(t *testing.T) {
	tests := []struct{ secret, expire, want string }{
		{"YOUR_SECRET_KEY", "1678361640", "93b69d086a487fbdfc36172b96a5d7f5afa7cb209e43e5f25890bc037e638584"},
		{"project_secret_key", "1454903856", "d39a461d41f607338abffee5f31da4d4e46535651c87346e76906bf75c064d47"},
		{"demosecretkey", "60", "7d2e71d1843788a02d0c7fe6f5d71edf657363a369112e78d4f37ace3f884b00"},
	}
	for _, test := range tests {
		t.Run(test.secret, func(t *testing.T) {
			if got := Sign(test.secret, test.expire); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestMintExpiresALifetimeFromNowInWholeSeconds(t *testing.T) {
	now := time.Unix(1454902056, 999_999_999)
	got := Mint("project_secret_key", now, 30*time.Minute+999*time.Millisecond)
	want := Token{Signature: "d39a461d41f607338abffee5f31da4d4e46535651c87346e76906bf75c064d47", Issued: 1454902056, Expire: 1454903856}
	if got != want {
		t.Errorf("got %v issued at %d, want %v issued at %d", got, got.Issued, want, want.Issued)
	}
}

// Invariant 8: no signature or JWT where a token is shown.
func TestInvariant8ATokenShowsNothingOfItself(t *testing.T) {
	tests := []Token{
		{Signature: "d39a461d41f607338abffee5f31da4d4e46535651c87346e76906bf75c064d47", Issued: 1454902056, Expire: 1454903856},
		{AccessToken: "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE0NTQ5MDM4NTZ9.c2lnbmF0dXJl", Issued: 1454902056, Expire: 1454903856},
	}
	for _, token := range tests {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X"} {
			for _, shown := range []any{token, &token, []Token{token}, struct{ Token Token }{token}} {
				got := fmt.Sprintf(format, shown)
				if decoded, err := hex.DecodeString(got); err == nil {
					got = string(decoded)
				}
				if strings.Contains(got, token.Signature[:min(len(token.Signature), 8)]+token.AccessToken) {
					t.Errorf("%s of %T: %s", format, shown, got)
				}
			}
		}
		if got := token.String(); got != "a token that expires at 1454903856" {
			t.Errorf("got %s", got)
		}
	}
}

// The threshold is at most half of the token's life, and a token in use is
// renewed in the last quarter of the time in which it is used.
func TestWhenATokenIsUsedAndRenewed(t *testing.T) {
	tests := map[string]struct {
		life, threshold  time.Duration
		renewFrom, until int64 // after the token was issued
	}{
		"longer than the threshold":      {30 * time.Minute, 10 * time.Minute, 900, 1200},
		"no threshold":                   {30 * time.Minute, 0, 1350, 1800},
		"a tenth longer":                 {11 * time.Minute, 10 * time.Minute, 45, 60},
		"a second longer":                {601 * time.Second, 10 * time.Minute, 226, 301},
		"as long":                        {10 * time.Minute, 10 * time.Minute, 225, 300},
		"shorter":                        {time.Minute, 10 * time.Minute, 23, 30},
		"a second":                       {time.Second, 10 * time.Minute, 1, 1},
		"a fraction of a second is none": {30 * time.Minute, 10*time.Minute + 999*time.Millisecond, 900, 1200},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			token := Mint("secret", time.Unix(1454902056, 0), test.life)
			until, from := token.useUntil(test.threshold)-token.Issued, token.RenewFrom(test.threshold)-token.Issued
			if until != test.until || from != test.renewFrom {
				t.Errorf("used for %d s and renewed from %d on, not %d and %d", until, from, test.until, test.renewFrom)
			}
		})
	}
}

// Expired means floor(now) + floor(threshold) >= expire.
func TestExpired(t *testing.T) {
	tests := map[string]struct {
		now       time.Time
		threshold time.Duration
		want      bool
	}{
		"a second before":                      {time.Unix(99, 0), 0, false},
		"just before":                          {time.Unix(99, 999_999_999), 0, false},
		"at the second":                        {time.Unix(100, 0), 0, true},
		"after it":                             {time.Unix(101, 0), 0, true},
		"the threshold before":                 {time.Unix(90, 0), 10 * time.Second, true},
		"just before the threshold":            {time.Unix(89, 999_999_999), 10 * time.Second, false},
		"the threshold's fraction is left out": {time.Unix(89, 999_999_999), 10*time.Second + 999*time.Millisecond, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := (Token{Expire: 100}).Expired(test.now, test.threshold); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

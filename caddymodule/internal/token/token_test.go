// SPDX-License-Identifier: Apache-2.0

package token

import (
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
	want := Token{Signature: "d39a461d41f607338abffee5f31da4d4e46535651c87346e76906bf75c064d47", Expire: 1454903856}
	if got != want {
		t.Errorf("got %v, want %v", got, want)
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

// SPDX-License-Identifier: Apache-2.0

// Package token makes credentials for the Upload API and keeps them while they
// are fresh. It knows nothing of Caddy, and it has no clock but the one it is given.
package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// Token is one credential of scheme `signature`.
type Token struct {
	// Signature is the lower-case hexadecimal HMAC-SHA256 of Expire.
	Signature string
	// Expire is when the service stops taking the signature, in Unix seconds.
	Expire int64
}

// Sign returns the signature that goes with expire: HMAC-SHA256 in lower-case
// hexadecimal, keyed with the text of the project's secret key, of expire as it
// is sent.
//
// Source: https://uploadcare.com/docs/security/secure-uploads/
func Sign(secret, expire string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(expire))
	return hex.EncodeToString(mac.Sum(nil))
}

// Mint makes a token that expires lifetime after now, in whole seconds.
func Mint(secret string, now time.Time, lifetime time.Duration) Token {
	expire := now.Unix() + int64(lifetime/time.Second)
	return Token{Signature: Sign(secret, strconv.FormatInt(expire, 10)), Expire: expire}
}

// Expired reports whether the token is within threshold of its expiry, in
// whole seconds: floor(now) + floor(threshold) >= expire.
func (t Token) Expired(now time.Time, threshold time.Duration) bool {
	return now.Unix()+int64(threshold/time.Second) >= t.Expire
}

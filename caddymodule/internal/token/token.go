// SPDX-License-Identifier: Apache-2.0

// Package token makes and verifies credentials for the Upload API, caches them until
// a threshold before their expiry, and decides which of several secret keys signs.
//
// A [Cache] hands out no token that has expired, whatever its source and the clock do
// (a [Clock] is given to it; only pauses of a second and less are waited for by the
// system's timers). A caller gets an error when there is no token: its context's, or
// [ErrRefused] if the source refused, or an [UnavailableError], at once, while the
// source fails. The package imports no Caddy.
package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// Token is one credential: a signature with its expiry (scheme `signature`) or
// an access token (scheme `token`).
type Token struct {
	// Signature is the lower-case hexadecimal HMAC-SHA256 of Expire. It is
	// empty in scheme `token`.
	Signature string
	// AccessToken is a JWT. It is empty in scheme `signature`.
	AccessToken string
	// Issued is when the token was made or handed out, in Unix seconds. 0 means
	// unknown: then it is when the cache got it.
	Issued int64
	// Expire is when the service stops taking the token, in Unix seconds.
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

// Mint makes a signature that expires lifetime after now, in whole seconds.
func Mint(secret string, now time.Time, lifetime time.Duration) Token {
	issued := now.Unix()
	expire := issued + int64(lifetime/time.Second)
	return Token{Signature: Sign(secret, strconv.FormatInt(expire, 10)), Issued: issued, Expire: expire}
}

// Expired reports whether the token is within threshold of its expiry, in
// whole seconds: floor(now) + floor(threshold) >= expire.
func (t Token) Expired(now time.Time, threshold time.Duration) bool {
	return now.Unix()+int64(threshold/time.Second) >= t.Expire
}

// same reports whether two tokens are one credential.
func (t Token) same(other Token) bool {
	return t.Signature == other.Signature && t.AccessToken == other.AccessToken && t.Expire == other.Expire
}

// String shows nothing that could be used for an upload: tokens end up in logs and
// errors by accident.
func (t Token) String() string { return fmt.Sprintf("a token that expires at %d", t.Expire) }

// GoString is String.
func (t Token) GoString() string { return t.String() }

// useUntil returns the second from which on the token is not used any more: the
// threshold before its expiry. A token that does not live longer than the
// threshold is used for half of its life, or every upload would ask for another;
// and so is one of which the threshold leaves less than a twentieth, since a small
// difference between two clocks must not decide between the two.
func (t Token) useUntil(threshold time.Duration) int64 {
	seconds := int64(threshold / time.Second)
	if life := t.Expire - t.Issued; life-seconds <= life/20 {
		seconds = life / 2
	}
	return t.Expire - seconds
}

// RenewFrom returns the second from which on a token that is in use is renewed, so
// that no upload waits for the next token: when a quarter is left of the time in
// which it is used.
func (t Token) RenewFrom(threshold time.Duration) int64 {
	until := t.useUntil(threshold)
	return until - (until-t.Issued)/4
}

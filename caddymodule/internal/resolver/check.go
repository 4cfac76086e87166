// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"math"
	"regexp"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// maxTokenSize is the length of the longest access token in bytes. It travels in a
// header, and common servers accept header lines of 8 KiB.
const maxTokenSize = 8 << 10

// The patterns of values. What does not match could end the field or header that it
// is written into (CR, LF, quotes), and so add fields to an upload. The others
// recognise common mistakes.
var (
	signaturePattern = regexp.MustCompile(`^[0-9a-f]{64}\z`)
	md5Pattern       = regexp.MustCompile(`^[0-9a-fA-F]{32}\z`)
	upperPattern     = regexp.MustCompile(`^[0-9a-fA-F]{64}\z`)
	expirePattern    = regexp.MustCompile(`^[1-9][0-9]{9}\z`)
	millisPattern    = regexp.MustCompile(`^[1-9][0-9]{12}\z`)
	tokenPattern     = regexp.MustCompile(`^[\w-]+\.[\w-]+\.[\w-]+\z`)
)

// The range of Unix seconds with ten digits, and of milliseconds with thirteen: the
// years 2001 to 2286.
const (
	minExpire = 1e9
	maxExpire = 1e10 - 1
	minMillis = 1e12
	maxMillis = 1e13 - 1
)

// Check checks a token that does not come from Parse, such as one from a storage to
// which others can write. It applies the same patterns.
func Check(t token.Token) error {
	switch {
	case t.Signature != "" && t.AccessToken != "":
		return errTwoKinds
	case t.AccessToken != "":
		parsed, err := parseAccessToken(t.AccessToken)
		if err == nil && parsed.Expire != t.Expire {
			err = errTokenExp
		}
		return err
	case t.Signature == "":
		return errNoCredential
	}
	if err := checkSignature(t.Signature); err != nil {
		return err
	}
	if t.Expire < minExpire || t.Expire > maxExpire {
		return errExpire
	}
	return nil
}

// checkSignature checks the pattern of a signature, and names the likeliest mistake.
func checkSignature(signature string) error {
	switch {
	case signaturePattern.MatchString(signature):
		return nil
	case md5Pattern.MatchString(signature):
		return errSignatureMD5
	case upperPattern.MatchString(signature):
		return errSignatureUpper
	default:
		return errSignature
	}
}

// parseAccessToken reads from a JWT when it was issued and when it expires (RFC 7519,
// sections 4.1.4 and 4.1.6; both may have fractions). Its signature cannot be
// verified here: only the service has the key.
func parseAccessToken(text string) (token.Token, error) {
	if len(text) > maxTokenSize {
		return token.Token{}, errTokenTooLarge
	}
	if !tokenPattern.MatchString(text) {
		return token.Token{}, errToken
	}
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(text, claims); err != nil {
		return token.Token{}, errToken // the cause could quote the token
	}
	// A NumericDate (RFC 7519, section 2) may have a fraction. It is rounded down, so that
	// the token is never used after its expiry.
	expire, ok := claims["exp"].(float64)
	switch {
	case ok && expire >= minMillis && expire <= maxMillis:
		return token.Token{}, errTokenExpMillis
	case !ok || expire < minExpire || expire > maxExpire:
		return token.Token{}, errTokenExp
	}
	parsed := token.Token{AccessToken: text, Expire: int64(math.Floor(expire))}
	if issued, ok := claims["iat"].(float64); ok && issued > 0 && issued <= maxExpire {
		parsed.Issued = int64(math.Floor(issued))
	}
	return parsed, nil
}

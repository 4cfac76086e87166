// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"math"
	"regexp"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// maxTokenSize is the length of the longest access token. It must fit into the
// header of a request, of which servers take 8 KiB.
const maxTokenSize = 8 << 10

// The patterns of values. Nothing else may become part of a form or a header.
var (
	signaturePattern = regexp.MustCompile(`^[0-9a-f]{64}\z`)
	md5Pattern       = regexp.MustCompile(`^[0-9a-fA-F]{32}\z`)
	upperPattern     = regexp.MustCompile(`^[0-9a-fA-F]{64}\z`)
	expirePattern    = regexp.MustCompile(`^[1-9][0-9]{9}\z`)
	millisPattern    = regexp.MustCompile(`^[1-9][0-9]{12}\z`)
	tokenPattern     = regexp.MustCompile(`^[\w-]+\.[\w-]+\.[\w-]+\z`)
)

// The Unix seconds of ten digits, and the milliseconds of thirteen.
const (
	minExpire = 1e9
	maxExpire = 1e10 - 1
	minMillis = 1e12
	maxMillis = 1e13 - 1
)

// Check checks a token that comes from elsewhere, such as a storage, by the
// same patterns as the values of a response.
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

// parseAccessToken reads when a JWT was issued and when it expires. Whether its
// signature is right is for the service to say.
func parseAccessToken(text string) (token.Token, error) {
	if len(text) > maxTokenSize {
		return token.Token{}, errTokenTooLarge
	}
	if !tokenPattern.MatchString(text) {
		return token.Token{}, errToken
	}
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(text, claims); err != nil {
		return token.Token{}, errToken // the cause could show some of it
	}
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

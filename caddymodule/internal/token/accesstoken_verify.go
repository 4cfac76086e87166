// SPDX-License-Identifier: Apache-2.0

package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Errors of an access token, besides [ErrInvalidScope] and
// [ErrInvalidOperations]. None of them shows anything of the token.
var (
	// ErrNotAccessToken means that a text is not a JWT.
	ErrNotAccessToken = errors.New("unreadable or not a JWT")
	// ErrAlgorithm means that a token is not signed as it has to be.
	ErrAlgorithm = errors.New("`alg` must be HS256")
	// ErrSignatureMismatch means that a token is not signed with the secret.
	ErrSignatureMismatch = errors.New("signature does not match")
	// ErrInvalidClaims means that there are other claims than there may be.
	ErrInvalidClaims = errors.New("a claim is unknown or of a wrong type")
	// ErrNoExpiry means that a token has no `exp`.
	ErrNoExpiry = errors.New("`exp` is required")
	// ErrNoIssueTime means that a token has no `iat`.
	ErrNoIssueTime = errors.New("`iat` is required")
	// ErrAccessTokenExpired means that a token has expired, leeway included.
	ErrAccessTokenExpired = errors.New("expired token")
	// ErrNotYetIssued means that a token is from the future, leeway included.
	ErrNotYetIssued = errors.New("`iat` is in the future")
	// ErrLivesTooLong means that there is too much time from `iat` to `exp`.
	ErrLivesTooLong = fmt.Errorf("`exp` must be at most %d seconds after `iat`", maxAccessTokenSeconds)
)

// AccessToken is what a verified access token says.
type AccessToken struct {
	// Expire is its expiry in Unix seconds.
	Expire int64
	// Operations is how many operations it allows; 0 means that it says nothing.
	Operations int

	scope []string
}

// Allows reports whether the token's scope includes a path. A scope names paths as they are
// documented, with a slash at the end; a path without it is taken for one that has it.
// Other slashes are significant.
func (t *AccessToken) Allows(path string) bool {
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	for _, item := range t.scope {
		if prefix, all := strings.CutSuffix(item, "*"); item == path || all && strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return len(t.scope) == 0
}

// VerifyAccessToken checks an access token as the service does: its form, its
// algorithm and signature, its expiry, and then the rest of what it says.
func VerifyAccessToken(secret, text string, now time.Time) (*AccessToken, error) {
	// A token must have one spelling only, or a revoked or logged one could be sent in
	// another. Base64 is decoded strictly; its decoder would still skip line ends.
	if strings.ContainsAny(text, "\r\n") {
		return nil, ErrNotAccessToken
	}
	unread := new(unreadClaims)
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())
	parsed, err := parser.ParseWithClaims(text, unread, func(*jwt.Token) (any, error) { return accessTokenKey(secret), nil })
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		return nil, ErrNotAccessToken
	case err != nil && parsed.Method != jwt.SigningMethodHS256:
		return nil, ErrAlgorithm
	case err != nil:
		return nil, ErrSignatureMismatch
	}
	return unread.check(now)
}

// unreadClaims are claims that are not parsed before the signature is verified.
type unreadClaims struct {
	jwt.RegisteredClaims // whose values stay empty

	text json.RawMessage
}

// UnmarshalJSON implements [json.Unmarshaler].
func (u *unreadClaims) UnmarshalJSON(text []byte) error {
	u.text = bytes.Clone(text)
	return nil
}

// knownClaims are all claims that there may be.
type knownClaims struct {
	Issued  *int64 `json:"iat"`
	Expire  *int64 `json:"exp"`
	Issuer  string `json:"iss"`
	Subject string `json:"sub"`
	ID      string `json:"jti"`

	Uploadcare struct {
		Restrictions struct {
			Scope  *[]string `json:"scope"`
			Limits struct {
				Operations *int `json:"operations"`
			} `json:"limits"`
		} `json:"restrictions"`
	} `json:"uc"`
}

func (u *unreadClaims) check(now time.Time) (*AccessToken, error) {
	var claims knownClaims
	decoder := json.NewDecoder(bytes.NewReader(u.text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&claims); err != nil {
		return nil, ErrInvalidClaims // the cause may show what the token says
	}
	second := now.Unix()
	switch {
	case claims.Expire == nil:
		return nil, ErrNoExpiry
	case second-accessTokenLeeway >= *claims.Expire:
		return nil, ErrAccessTokenExpired
	case claims.Issued == nil:
		return nil, ErrNoIssueTime
	case second+accessTokenLeeway < *claims.Issued:
		return nil, ErrNotYetIssued
	case *claims.Issued < *claims.Expire-maxAccessTokenSeconds:
		return nil, ErrLivesTooLong
	}
	token := &AccessToken{Expire: *claims.Expire}
	restrictions := &claims.Uploadcare.Restrictions
	if scope := restrictions.Scope; scope != nil {
		if token.scope = *scope; len(token.scope) == 0 {
			return nil, fmt.Errorf("%w: it is empty", ErrInvalidScope)
		}
		if err := checkScope(token.scope); err != nil {
			return nil, err
		}
	}
	if operations := restrictions.Limits.Operations; operations != nil {
		if token.Operations = *operations; token.Operations < 1 || token.Operations > MaxOperations {
			return nil, ErrInvalidOperations
		}
	}
	return token, nil
}

// Interface guards
var (
	_ jwt.Claims       = (*unreadClaims)(nil)
	_ json.Unmarshaler = (*unreadClaims)(nil)
)

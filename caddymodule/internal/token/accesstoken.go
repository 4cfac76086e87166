// SPDX-License-Identifier: Apache-2.0

package token

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
)

// What the service takes in an access token.
//
// Source: https://uploadcare.com/docs/api/upload/authentication/
const (
	// MaxAccessTokenLifetime is the longest time from `iat` to `exp`.
	MaxAccessTokenLifetime = 24 * time.Hour
	// MaxScopeItems is the largest number of paths in a scope.
	MaxScopeItems = 16
	// MaxScopeLength is the longest path in a scope, in characters.
	MaxScopeLength = 64
	// MaxOperations is the largest number of operations.
	MaxOperations = 100_000

	maxAccessTokenSeconds = int64(MaxAccessTokenLifetime / time.Second)
	// accessTokenLeeway is by how much the service lets clocks differ, in seconds.
	accessTokenLeeway = 30
)

// MintAccessToken makes an access token that expires lifetime after now, in
// whole seconds, and is good for the paths of scope. Above 0, operations is how
// many files may be uploaded with it.
//
// It holds no claim that is not needed, since the service refuses claims that it does not
// know. Only where operations are counted does it have an identifier (`jti`): two tokens of
// the same second would be equal otherwise, and would share their operations.
func MintAccessToken(secret string, now time.Time, lifetime time.Duration, scope []string, operations int) (Token, error) {
	seconds := int64(lifetime / time.Second)
	if seconds < 1 || lifetime > MaxAccessTokenLifetime {
		return Token{}, fmt.Errorf("an access token lives from %s to %s, not %s", time.Second, MaxAccessTokenLifetime, lifetime)
	}
	if len(scope) == 0 {
		return Token{}, fmt.Errorf("%w: it is empty", ErrInvalidScope)
	}
	if err := checkScope(scope); err != nil {
		return Token{}, err
	}
	if operations < 0 || operations > MaxOperations {
		return Token{}, ErrInvalidOperations
	}
	issued := now.Unix()
	restrictions := map[string]any{"scope": scope}
	claims := jwt.MapClaims{"iat": issued, "exp": issued + seconds, "uc": map[string]any{"restrictions": restrictions}}
	if operations > 0 {
		restrictions["limits"] = map[string]int{"operations": operations}
		claims["jti"] = rand.Text()
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(accessTokenKey(secret))
	return Token{AccessToken: signed, Issued: issued, Expire: issued + seconds}, err
}

// accessTokenKey returns the key that access tokens are signed with: the SHA-256 digest of
// the secret key's text, in bytes and not in hexadecimal.
func accessTokenKey(secret string) []byte {
	key := sha256.Sum256([]byte(secret))
	return key[:]
}

// Errors of a scope and of a number of operations.
var (
	ErrInvalidScope      = errors.New("invalid `uc.restrictions.scope`")
	ErrInvalidOperations = fmt.Errorf("`uc.restrictions.limits.operations` must be from 1 to %d", MaxOperations)
)

// checkScope checks a scope as the service does. An item is a path, or ends with "/*" and
// stands for all paths that begin with what is before the asterisk.
func checkScope(scope []string) error {
	if len(scope) > MaxScopeItems {
		return fmt.Errorf("%w: it has more than %d items", ErrInvalidScope, MaxScopeItems)
	}
	for _, item := range scope {
		switch path := strings.TrimSuffix(item, "*"); {
		case !strings.HasPrefix(item, "/"):
			return fmt.Errorf("%w: an item does not begin with `/`", ErrInvalidScope)
		case utf8.RuneCountInString(item) > MaxScopeLength:
			return fmt.Errorf("%w: an item has more than %d characters", ErrInvalidScope, MaxScopeLength)
		case strings.Contains(path, "*"), path != item && !strings.HasSuffix(path, "/"):
			return fmt.Errorf("%w: `*` stands elsewhere than at the end, after a `/`", ErrInvalidScope)
		}
	}
	return nil
}

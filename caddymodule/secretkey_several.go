// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"crypto/subtle"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// active returns the index of the secret key that signs.
func (s *SecretKey) active() int { return s.rotation.current(len(s.secrets)) }

// mint makes a signature with one of the keys.
func (s *SecretKey) mint(key int, now time.Time) Token {
	return token.Mint(s.secrets[key].get(), now, time.Duration(s.Lifetime))
}

// mintAccessToken makes an access token with one of the keys.
func (s *SecretKey) mintAccessToken(key int, now time.Time, paths []string) (Token, error) {
	return token.MintAccessToken(s.secrets[key].get(), now, time.Duration(s.Lifetime), paths, s.Operations)
}

// signer returns the index of the key that a token was made with, or -1. The
// same key may be there twice: then it is the one that signs now.
func (s *SecretKey) signer(t Token) int {
	current := s.active() // which may change meanwhile
	if isMadeWith(s.secrets[current].get(), t) {
		return current
	}
	for i, secret := range s.secrets {
		if isMadeWith(secret.get(), t) {
			return i
		}
	}
	return -1
}

// alike returns the indexes of the keys that are the same as one of them, with
// that.
func (s *SecretKey) alike(key int) (alike []int) {
	text := s.secrets[key].get()
	for i, secret := range s.secrets {
		if secret.get() == text {
			alike = append(alike, i)
		}
	}
	return alike
}

// untried returns the first key, from the one that signs on, that is not among
// those that an upload has been rejected with.
func (s *SecretKey) untried(rejected []int) (signing, bool) {
	active := s.active()
	for i := range s.secrets {
		if key := (active + i) % len(s.secrets); !slices.Contains(rejected, key) {
			return signing{own: true, key: key, inPlaceOf: active}, true
		}
	}
	return signing{}, false
}

// isMadeWith reports whether a token was made with a secret key.
func isMadeWith(secret string, t Token) bool {
	if t.AccessToken == "" {
		signature := token.Sign(secret, strconv.FormatInt(t.Expire, 10))
		return subtle.ConstantTimeCompare([]byte(signature), []byte(t.Signature)) == 1
	}
	// The signature is verified before anything that a token says.
	_, err := token.VerifyAccessToken(secret, t.AccessToken, time.Unix(t.Issued, 0))
	return !errors.Is(err, token.ErrSignatureMismatch) && !errors.Is(err, token.ErrNotAccessToken) && !errors.Is(err, token.ErrAlgorithm)
}

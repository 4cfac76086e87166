// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// secretKey is one of the keys of a [SecretKey], and a source of its own: while keys are
// replaced, credentials of each are cached and tried apart from the others.
type secretKey struct {
	source *SecretKey // whose options apply to all keys
	secret *setting
}

// Token implements [Source].
func (k *secretKey) Token(_ context.Context, now time.Time) (Token, error) {
	return token.Mint(k.secret.get(), now, time.Duration(k.source.Lifetime)), nil
}

// AccessToken implements [AccessTokenSource].
func (k *secretKey) AccessToken(now time.Time, paths []string) (Token, error) {
	return token.MintAccessToken(k.secret.get(), now, time.Duration(k.source.Lifetime), paths, k.source.Operations)
}

// CacheKey implements [Source].
func (k *secretKey) CacheKey() string { return fmt.Sprintf("%q", k.secret.get()) }

// Made implements [Key].
func (k *secretKey) Made(t Token) bool { return token.IsMadeWith(k.secret.get(), t) }

// SecretKeys implements [KeyedSource].
func (s *SecretKey) SecretKeys() []Key { return s.keys }

// ValidateScheme implements [SchemeValidator].
func (s *SecretKey) ValidateScheme(scheme string) error {
	lifetime := time.Duration(s.Lifetime)
	switch {
	case scheme == SchemeToken && lifetime > token.MaxAccessTokenLifetime:
		return fmt.Errorf("lifetime: %s is more than %s, the longest in scheme %s", lifetime, token.MaxAccessTokenLifetime, SchemeToken)
	case s.Operations != 0 && scheme != SchemeToken:
		return fmt.Errorf("operations: only scheme %s has them", SchemeToken)
	case s.Operations < 0 || s.Operations > token.MaxOperations:
		return fmt.Errorf("operations: %d is not between 1 and %d", s.Operations, token.MaxOperations)
	}
	return nil
}

// Interface guards
var (
	_ KeyedSource       = (*SecretKey)(nil)
	_ SchemeValidator   = (*SecretKey)(nil)
	_ Key               = (*secretKey)(nil)
	_ AccessTokenSource = (*secretKey)(nil)
)

// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"fmt"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// AccessToken implements [AccessTokenSource].
func (s *SecretKey) AccessToken(now time.Time, paths []string) (Token, error) {
	return s.mintAccessToken(s.active(), now, paths)
}

// checkScheme checks the options that one scheme has and the other has not.
func (s *SecretKey) checkScheme(scheme string) error {
	lifetime := time.Duration(s.Lifetime)
	switch {
	case scheme == schemeToken && lifetime > token.MaxAccessTokenLifetime:
		return fmt.Errorf("lifetime: %s is more than %s, the longest in scheme %s", lifetime, token.MaxAccessTokenLifetime, schemeToken)
	case s.Operations != 0 && scheme != schemeToken:
		return fmt.Errorf("operations: only scheme %s has them", schemeToken)
	case s.Operations < 0 || s.Operations > token.MaxOperations:
		return fmt.Errorf("operations: %d is not between 1 and %d", s.Operations, token.MaxOperations)
	}
	return nil
}

// Interface guard
var _ AccessTokenSource = (*SecretKey)(nil)

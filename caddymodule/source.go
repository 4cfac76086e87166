// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"context"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// Token is one credential for the Upload API: a signature and the moment at
// which the service stops taking it.
type Token = token.Token

// Source yields credentials. Its implementations are guest modules in the
// namespace `uploadcare.sources`; one that also implements
// [caddyfile.Unmarshaler] can be used in the Caddyfile, as a subdirective that
// is called like the module.
type Source interface {
	// Token returns a new credential. It is called at most once at a time for
	// each cache, and only when the cached token is about to expire. The
	// context does not end with the request that asked, so the source bounds
	// its own time. An error becomes 503 for the uploads that wait.
	Token(ctx context.Context) (Token, error)

	// CacheKey identifies where the tokens come from and what they are like.
	// Projects whose public keys, thresholds and cache keys are equal share one
	// token cache, which survives reloads. It may hold secrets: it is hashed
	// before it is kept.
	CacheKey() string
}

// FixedLifetime is implemented by sources that know beforehand how long their
// tokens live, so that a threshold which leaves nothing of it is a load error.
type FixedLifetime interface {
	TokenLifetime() time.Duration
}

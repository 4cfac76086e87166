// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"context"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

func init() {
	caddy.RegisterModule(SecretKey{})
}

const (
	defaultSecretKey = "{env.UPLOADCARE_SECRET_KEY}" //nolint:gosec // the name of one
	defaultLifetime  = 30 * time.Minute

	// maxLifetime keeps mistakes such as nanoseconds for seconds out, and
	// expiries within their ten digits.
	maxLifetime = 365 * 24 * time.Hour
)

// SecretKey makes credentials from a project's secret key: a signature is the
// HMAC-SHA256 of its expiry, keyed with the secret. Nobody else is asked.
//
// See https://uploadcare.com/docs/security/secure-uploads/.
type SecretKey struct {
	// The project's secret key. Placeholders of the environment and of files
	// are resolved when the config is loaded; prefer them, for a key that
	// stands here as it is can be read in the config. It must not be empty.
	// Default: `{env.UPLOADCARE_SECRET_KEY}`.
	Key string `json:"key,omitempty"`

	// How long a signature is valid, from one second to a year; fractions of
	// a second are dropped. It must be longer than the project's threshold.
	// 0 means the default. Default: `30m`.
	Lifetime caddy.Duration `json:"lifetime,omitempty"`

	secret string
	now    func() time.Time
}

// CaddyModule returns the Caddy module information.
func (SecretKey) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  sourceNamespace + ".secret_key",
		New: func() caddy.Module { return new(SecretKey) },
	}
}

// Provision resolves the key and sets the defaults.
func (s *SecretKey) Provision(_ caddy.Context) error {
	if s.Key == "" {
		s.Key = defaultSecretKey
	}
	if s.Lifetime == 0 {
		s.Lifetime = caddy.Duration(defaultLifetime)
	}
	s.now = time.Now
	var err error
	s.secret, err = resolve("secret_key", s.Key)
	return err
}

// Validate checks the lifetime.
func (s *SecretKey) Validate() error {
	if lifetime := time.Duration(s.Lifetime); lifetime < time.Second || lifetime > maxLifetime {
		return fmt.Errorf("lifetime: %s is not between %s and %s", lifetime, time.Second, maxLifetime)
	}
	return nil
}

// Token implements [Source].
func (s *SecretKey) Token(context.Context) (Token, error) {
	return token.Mint(s.secret, s.now(), time.Duration(s.Lifetime)), nil
}

// CacheKey implements [Source].
func (s *SecretKey) CacheKey() string {
	return fmt.Sprintf("%s\x00%d", s.secret, s.Lifetime)
}

// TokenLifetime implements [FixedLifetime].
func (s *SecretKey) TokenLifetime() time.Duration { return time.Duration(s.Lifetime) }

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	secret_key <key>
//
// The lifetime is an option of the project.
func (s *SecretKey) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume source name
	if !d.AllArgs(&s.Key) {
		return d.Errf("secret_key takes one argument, the secret key")
	}
	if s.Key == "" {
		return d.Errf("secret_key is empty")
	}
	return noBlock(d, "secret_key")
}

// Interface guards
var (
	_ caddy.Provisioner     = (*SecretKey)(nil)
	_ caddy.Validator       = (*SecretKey)(nil)
	_ caddyfile.Unmarshaler = (*SecretKey)(nil)
	_ Source                = (*SecretKey)(nil)
	_ FixedLifetime         = (*SecretKey)(nil)
)

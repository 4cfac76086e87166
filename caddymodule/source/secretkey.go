// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/option"
)

func init() {
	caddy.RegisterModule(SecretKey{})
}

const (
	defaultSecretKey = "{env.UPLOADCARE_SECRET_KEY}" //nolint:gosec // the name of one
	defaultLifetime  = 30 * time.Minute

	// maxLifetime makes mistakes such as nanoseconds for seconds a load error, and keeps
	// expiries within the ten digits for which a form's length is calculated.
	maxLifetime = 365 * 24 * time.Hour
)

// SecretKey makes credentials from a project's secret key, without asking any other
// server: a signature, which is the HMAC-SHA256 of its expiry, keyed with the secret, or an
// access token, which is a JWT.
//
// See https://uploadcare.com/docs/security/secure-uploads/.
type SecretKey struct {
	// The project's secret keys. The first one signs, until the service has rejected what
	// it has signed and accepted what another has; so a key can be replaced without a
	// failed upload. Placeholders of the environment and of files are replaced when the
	// config is loaded, and files are read again when they change. Prefer placeholders to
	// the key itself, which anyone can read who sees the config. No key may be empty; blanks
	// and line ends around one are ignored, and what looks like no key is a load error.
	// Default: one key, `{env.UPLOADCARE_SECRET_KEY}`.
	Keys []string `json:"keys,omitempty"`

	// How long a credential is valid, from one second to a year, or to a day in scheme
	// `token`. Fractions of a second are dropped. It must be longer than the project's
	// threshold. 0 means the default. Default: `30m`.
	Lifetime caddy.Duration `json:"lifetime,omitempty"`

	// How many operations an access token allows, from 1 to 100000. Each uploaded file is
	// one operation. Only for scheme `token`. 0 means that the token sets no limit.
	// Default: 0.
	Operations int `json:"operations,omitempty"`

	*changes
	keys []Key
}

// CaddyModule returns the Caddy module information.
func (SecretKey) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  Namespace + ".secret_key",
		New: func() caddy.Module { return new(SecretKey) },
	}
}

// Provision resolves the keys and sets the defaults.
func (s *SecretKey) Provision(ctx caddy.Context) error {
	if len(s.Keys) == 0 {
		s.Keys = []string{defaultSecretKey}
	}
	if s.Lifetime == 0 {
		s.Lifetime = caddy.Duration(defaultLifetime)
	}
	var secrets []*setting
	for _, key := range s.Keys {
		secret, err := newCleanSetting("secret_key", key, cleanSecret)
		if err != nil {
			return err
		}
		secrets = append(secrets, secret)
		s.keys = append(s.keys, &secretKey{s, secret})
	}
	s.changes = new(changes)
	s.watch(ctx, ctx.Logger(), secrets...)
	return nil
}

// Validate checks the lifetime. What depends on the project's scheme is checked by
// ValidateScheme.
func (s *SecretKey) Validate() error {
	if lifetime := time.Duration(s.Lifetime); lifetime < time.Second || lifetime > maxLifetime {
		return fmt.Errorf("lifetime: %s is not between %s and %s", lifetime, time.Second, maxLifetime)
	}
	return nil
}

// Token implements [Source], with the first key.
func (s *SecretKey) Token(ctx context.Context, now time.Time) (Token, error) {
	return s.keys[0].Token(ctx, now)
}

// CacheKey implements [Source].
func (s *SecretKey) CacheKey() string {
	var key strings.Builder
	for _, one := range s.keys {
		_, _ = fmt.Fprintf(&key, "%s ", one.CacheKey())
	}
	_, _ = fmt.Fprintf(&key, "%d %d", s.Lifetime, s.Operations)
	return key.String()
}

// TokenLifetime implements [FixedLifetime].
func (s *SecretKey) TokenLifetime() time.Duration { return time.Duration(s.Lifetime) }

// Local implements [LocalSource].
func (*SecretKey) Local() {}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	secret_key <key...>
//
// It may be repeated, for further keys. The lifetime and the operations are
// options of the project.
func (s *SecretKey) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume source name
	keys := d.RemainingArgs()
	if len(keys) == 0 {
		return d.Errf("secret_key takes the secret key, and others to try after it; a {$VARIABLE} that is empty or not set leaves nothing here: write {env.VARIABLE}")
	}
	if slices.Contains(keys, "") {
		return d.Errf("secret_key is empty")
	}
	s.Keys = append(s.Keys, keys...)
	return option.NoBlock(d, "secret_key")
}

// Interface guards
var (
	_ caddy.Provisioner     = (*SecretKey)(nil)
	_ caddy.Validator       = (*SecretKey)(nil)
	_ caddyfile.Unmarshaler = (*SecretKey)(nil)
	_ ChangingSource        = (*SecretKey)(nil)
	_ FixedLifetime         = (*SecretKey)(nil)
	_ LocalSource           = (*SecretKey)(nil)
)

// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/resolver"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/option"
)

func init() {
	caddy.RegisterModule(Static{})
}

// settleTime is how long the files that a pair comes from must stay unchanged before it is
// used. They are two, and one is written before the other: used at once, the new signature
// would go with the old expiry, and each upload be rejected.
const settleTime = 2 * fileInterval

// ErrStaticExpired means that the pair of the source static has expired.
var ErrStaticExpired = errors.New("the static credential has expired")

// Static is a signature and its expiry that were made elsewhere. The pair is used as it is
// until it expires, and must be replaced by then. The log warns of that ahead of time, by
// the project's threshold.
type Static struct {
	// The signature: the HMAC-SHA256 of the expiry, as 64 lower-case hexadecimal digits.
	// Placeholders of the environment and of files are replaced when the config is loaded,
	// and files are read again when they change. Prefer placeholders to the signature
	// itself, with which anyone who sees the config can upload. Required.
	Signature string `json:"signature,omitempty"`

	// The expiry, in Unix seconds, as it was signed. Placeholders are replaced as in the
	// signature. Required.
	Expire string `json:"expire,omitempty"`

	*changes
	logger            *zap.Logger
	signature, expire *setting
	pair              *atomic.Pointer[Token]
	files             *changes // of which those of the pair follow
}

// CaddyModule returns the Caddy module information.
func (Static) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  Namespace + ".static",
		New: func() caddy.Module { return new(Static) },
	}
}

// Provision resolves the pair and checks its format. A pair that has expired is no error:
// it cannot be used, but is no reason to keep all sites of the config from loading.
func (s *Static) Provision(ctx caddy.Context) error {
	s.logger, s.changes, s.pair = ctx.Logger(), new(changes), new(atomic.Pointer[Token])
	var err error
	if s.signature, err = newSetting("static signature", s.Signature); err != nil {
		return err
	}
	if s.expire, err = newSetting("static expire", s.Expire); err != nil {
		return err
	}
	pair, err := s.parse()
	if err != nil {
		return err
	}
	s.pair.Store(&pair)
	s.watchFiles(ctx)
	return nil
}

// parse returns the pair that the options hold now.
func (s *Static) parse() (Token, error) {
	pair, err := resolver.ParsePair(s.signature.get(), s.expire.get())
	if err != nil {
		return Token{}, fmt.Errorf("static: %w", err)
	}
	return pair, nil
}

// watchFiles uses another pair when the files hold one, until ctx ends. Each change begins
// settleTime anew.
func (s *Static) watchFiles(ctx context.Context) {
	settled := time.AfterFunc(settleTime, func() {
		if ctx.Err() == nil {
			s.reread()
		}
	})
	settled.Stop()
	context.AfterFunc(ctx, func() { settled.Stop() })
	s.files = new(changes)
	s.files.OnChange(func() { settled.Reset(settleTime) })
	s.files.watch(ctx, s.logger, s.signature, s.expire)
}

// UnreadableFiles returns the files that could not be read when they were read last.
func (s *Static) UnreadableFiles() []string { return s.files.UnreadableFiles() }

// reread uses the pair that the files hold. If they hold none, the one before stays.
func (s *Static) reread() {
	pair, err := s.parse()
	switch {
	case err != nil:
		s.logger.Error("the files do not hold a static credential any more; the one before stays in use", zap.Error(err))
	case pair != *s.pair.Load():
		s.pair.Store(&pair)
		s.report()
	}
}

// Token implements [Source].
func (s *Static) Token(_ context.Context, now time.Time) (Token, error) {
	pair := s.Held()
	if pair.Expired(now, 0) {
		return Token{}, fmt.Errorf("%w, at %s", ErrStaticExpired, time.Unix(pair.Expire, 0).UTC().Format(time.RFC3339))
	}
	return pair, nil
}

// Held implements [FixedSource].
func (s *Static) Held() Token { return *s.pair.Load() }

// Local implements [LocalSource].
func (*Static) Local() {}

// CacheKey implements [Source].
func (s *Static) CacheKey() string {
	pair := s.pair.Load()
	return fmt.Sprintf("%s %d", pair.Signature, pair.Expire)
}

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	static <signature> <expire>
func (s *Static) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume source name
	if !d.AllArgs(&s.Signature, &s.Expire) || s.Signature == "" || s.Expire == "" {
		return d.Errf("static takes two arguments, a signature and its expiry in Unix seconds")
	}
	if !strings.Contains(s.Signature+s.Expire, "{") {
		if _, err := resolver.ParsePair(s.Signature, s.Expire); err != nil {
			return d.Errf("static: %v", err)
		}
	}
	return option.NoBlock(d, "static")
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Static)(nil)
	_ caddyfile.Unmarshaler = (*Static)(nil)
	_ ChangingSource        = (*Static)(nil)
	_ FixedSource           = (*Static)(nil)
	_ LocalSource           = (*Static)(nil)
)

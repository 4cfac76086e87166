// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/shared"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

var errNothingToShare = errors.New("it asks nobody for credentials, so there is nothing to share")

// checkShared checks that the project has something to share. With a source that asks no
// server, the storage would hold credentials for the sake of no request.
func (p *Project) checkShared() error {
	if !p.Shared {
		return nil
	}
	if _, ok := p.source.(source.LocalSource); ok {
		return fmt.Errorf("shared: %s: %w", sourceName(p.source), errNothingToShare)
	}
	return nil
}

// joinFleet makes the project share its tokens through the config's storage, if it is to.
func (p *Project) joinFleet(ctx caddy.Context) {
	if !p.Shared {
		p.credentials.storage.Store(notShared) // the config before may have shared them
		return
	}
	p.credentials.storage.Store(storageUp)
	p.fleet = &shared.Tokens{
		// The config's own: a reload may name another.
		Storage:      ctx.Storage(),
		Clock:        p.credentials.clock,
		Threshold:    p.threshold,
		AccessTokens: p.Scheme == source.SchemeToken,
		Report:       p.reportSharing(ctx),
	}
}

// reportSharing returns the function that logs that the storage cannot be used, and that it
// can again.
func (p *Project) reportSharing(ctx context.Context) func(error, int) {
	return func(err error, failures int) {
		switch {
		case ctx.Err() != nil: // the config is gone, and its storage with it
		case err != nil:
			p.credentials.storage.Store(storageDown)
			p.logger.Warn("credentials cannot be shared through the storage; until they can, this gateway asks its source by itself", zap.Error(err), zap.Int("failures", failures))
		default:
			p.credentials.storage.Store(storageUp)
			p.logger.Info("credentials are shared through the storage again")
		}
	}
}

// share returns ask, which asks source; if the project is shared, by way of the storage, so
// that one gateway of the fleet asks and the others read.
func (p *Project) share(src source.Source, ask token.Source) token.Source {
	if p.fleet == nil {
		return ask
	}
	return func(ctx context.Context, asking token.Asking) (source.Token, error) {
		// Made for each call, since those for several callers run at once.
		asked := false
		one := p.fleet.Share(func() string { return p.recordKey(src) }, func(ctx context.Context, asking token.Asking) (source.Token, error) {
			asked = true
			return ask(ctx, asking)
		})
		got, err := one(ctx, asking)
		// The source logs what it yields itself.
		if err == nil && !asked {
			p.note(nil, 0, false) // it has responded to another gateway
			if check := p.logger.Check(zapcore.DebugLevel, "credential read from the storage"); check != nil {
				check.Write(expiryFields(got)...)
			}
		}
		return got, err
	}
}

// recordKey returns the key under which the tokens of source are stored. It changes when a
// file that the source names does, or another secret key's turn comes.
func (p *Project) recordKey(src source.Source) string {
	return shared.Key(p.publicKey, p.Scheme, caddy.GetModuleID(p.source), p.source.CacheKey(), src.CacheKey())
}

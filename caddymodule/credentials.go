// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// tokenPool keeps the credentials of all loaded configs, so that a reload does
// not lose them. The keys are hashes: they are made from secrets.
var tokenPool = caddy.NewUsagePool()

// errSourcePanicked is a guest source's fault.
var errSourcePanicked = errors.New("the source panicked")

// credentials are a project's tokens, and what is known about them. They
// outlive the config, and go on working for the requests that still use them
// when they have been taken out of the pool.
type credentials struct {
	project string // whose they are, as metrics name it
	clock   *token.Clock
	cache   *token.Cache
	callers *token.Callers // of a source that depends on the request

	correction correction
	rotation   rotation
	verdicts   verdicts
	warnings   expiryWarnings // of static ones
	// failed is when the log last said that the source goes on failing, on the
	// clock's Elapsed.
	failed atomic.Int64
}

// Destruct implements [caddy.Destructor].
func (c *credentials) Destruct() error {
	metrics.forget(c.project)
	return nil
}

// acquireCredentials takes the project's credentials from the pool.
func (p *Project) acquireCredentials(ctx caddy.Context) error {
	hash := sha256.New()
	_, _ = fmt.Fprintf(hash, "%q %q %q %d %q", p.publicKey, p.Scheme, caddy.GetModuleID(p.source), p.threshold, p.source.CacheKey())
	key := hex.EncodeToString(hash.Sum(nil))
	pooled, _, err := tokenPool.LoadOrNew(key, func() (caddy.Destructor, error) {
		clock := token.SystemClock()
		return &credentials{
			project: p.publicKey,
			clock:   clock,
			cache:   token.NewCache(p.threshold, clock),
			callers: token.NewCallers(p.threshold, clock),
		}, nil
	})
	if err != nil {
		return err
	}
	credentials := pooled.(*credentials)
	p.credentials, p.poolKey = credentials, key
	p.metrics = newProjectMetrics(p.publicKey, sourceName(p.source), p.fallback != nil)
	p.joinFleet(ctx)
	p.ask = p.askSource(p.source)
	if source, ok := p.source.(*SecretKey); ok {
		source.rotation = &credentials.rotation
		// For any project, a rejection says more about the client's public key
		// than about the secret key.
		if len(source.secrets) > 1 && p.publicKey != anyProject {
			p.keys = source
		}
	}
	if source, ok := p.source.(ChangingSource); ok {
		source.OnChange(func() {
			credentials.rotation.reset()
			credentials.cache.Clear()
			credentials.callers.Clear()
		})
	}
	return nil
}

// release gives the credentials back. It may be called on a project that was
// not provisioned, or only in part.
func (p *Project) release() error {
	if p == nil || p.poolKey == "" {
		return nil
	}
	_, err := tokenPool.Delete(p.poolKey)
	p.poolKey = ""
	return err
}

// askSource makes a source fit for the cache.
func (p *Project) askSource(source Source) token.Source {
	return p.share(source, func(ctx context.Context, asking token.Asking) (Token, error) {
		p.logAsking(asking)
		began := time.Now()
		fresh, err := askRecovered(ctx, source, asking.Now)
		switch {
		case err != nil:
		case (p.Scheme == schemeToken) != (fresh.AccessToken != ""):
			err = fmt.Errorf("the source yields no credential of scheme %s", p.Scheme)
		case fresh.Expired(p.credentials.clock.Now().Wall, 0):
			err = token.ErrExpired
		}
		took := time.Since(began)
		p.metrics.asked(took, err)
		p.logAnswer(asking, fresh, err, took)
		return fresh, err
	})
}

// askRecovered asks a source. If it panics, it fails; what it panics with may
// show a secret.
func askRecovered(ctx context.Context, source Source, now time.Time) (_ Token, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("%w with a %T", errSourcePanicked, reason)
		}
	}()
	return source.Token(ctx, now)
}

// grantor yields a project's tokens for one request.
type grantor struct {
	project *Project
	ask     token.Source
	caller  *token.Caller // nil unless the tokens depend on the request
	err     error         // why the request cannot be asked for
}

// grantor returns the one for any request.
func (p *Project) grantor() grantor { return grantor{project: p, ask: p.ask} }

// grantorFor returns the one for a request of which the tokens depend, and whose
// placeholders replacer knows.
func (p *Project) grantorFor(replacer *caddy.Replacer) grantor {
	source, err := p.perRequest.ForRequest(replacer)
	if err != nil {
		return grantor{project: p, err: err}
	}
	caller := token.Caller(sha256.Sum256([]byte(source.CacheKey())))
	return grantor{project: p, ask: p.askSource(source), caller: &caller}
}

// grantors are those of a request for the projects whose tokens depend on it.
type grantors []grantor

// grantors returns those for r. What the tokens depend on must still be there.
func (s *Sign) grantors(r *http.Request) grantors {
	if len(s.perRequest) == 0 {
		return nil
	}
	replacer := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	all := make(grantors, len(s.perRequest))
	for i, project := range s.perRequest {
		all[i] = project.grantorFor(replacer)
	}
	return all
}

// of returns the grantor of one project.
func (g grantors) of(project *Project) grantor {
	for _, grantor := range g {
		if grantor.project == project {
			return grantor
		}
	}
	return project.grantor()
}

// token returns a credential that has not expired.
func (g grantor) token(ctx context.Context) (Token, error) {
	p := g.project
	switch {
	case g.err != nil:
		return Token{}, g.err
	case g.caller != nil: // of which there is no fallback
		return p.credentials.callers.Get(ctx, *g.caller, g.ask)
	case p.fallback == nil:
		return p.credentials.cache.Get(ctx, g.ask)
	}
	granted, err := p.credentials.cache.GetSoon(ctx, g.ask)
	unavailable, ok := errors.AsType[*token.UnavailableError](err)
	if !ok {
		return granted, err
	}
	now := p.credentials.clock.Now().Wall
	fallback, fallbackErr := p.fallback.Token(ctx, now)
	switch {
	case fallbackErr == nil && !fallback.Expired(now, 0):
		p.metrics.fallbackUses.Inc()
		p.logFallback(fallback, unavailable)
		return fallback, nil
	case errors.Is(err, token.ErrSlow):
		return p.credentials.cache.Get(ctx, g.ask)
	default:
		return Token{}, err
	}
}

// another returns a credential in place of one that the service does not take,
// or the same if there is none.
func (g grantor) another(ctx context.Context) (Token, error) {
	switch p := g.project; {
	case g.err != nil:
		return Token{}, g.err
	case g.caller != nil:
		return p.credentials.callers.GetAnother(ctx, *g.caller, g.ask)
	case p.fallback != nil: // which takes its place for as long
		return g.token(ctx)
	default:
		return p.credentials.cache.GetAnother(ctx, g.ask)
	}
}

// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// Grantor yields a project's tokens for one request: the project's own, or those of the
// request's caller.
type Grantor struct {
	project *Project
	ask     token.Source
	caller  *token.Caller // nil unless the tokens depend on the request
	err     error         // why there can be no token for this request
}

// grantor returns the project's Grantor for requests that its tokens do not depend on.
func (p *Project) grantor() Grantor { return Grantor{project: p, ask: p.ask} }

// grantorFor returns the Grantor for a request that the tokens depend on. replacer has the
// request's placeholders.
func (p *Project) grantorFor(replacer *caddy.Replacer) Grantor {
	src, err := p.perRequest.ForRequest(replacer)
	if err != nil {
		return Grantor{project: p, err: err}
	}
	// A hash: the key has what the request said of its caller, such as a cookie, and
	// thousands of them stay in memory.
	caller := token.Caller(sha256.Sum256([]byte(src.CacheKey())))
	return Grantor{project: p, ask: p.askSource(src), caller: &caller}
}

// Grantors are a request's, for those projects whose tokens depend on it.
type Grantors []Grantor

// Of returns the Grantor for one project.
func (g Grantors) Of(project *Project) Grantor {
	for _, grantor := range g {
		if grantor.project == project {
			return grantor
		}
	}
	return project.grantor()
}

// issued is a credential with its origin.
type issued struct {
	token      source.Token
	byFallback bool
}

// Token returns a credential that has not expired.
func (g Grantor) Token(ctx context.Context) (source.Token, error) {
	issued, err := g.issue(ctx)
	return issued.token, err
}

// issue is Token, with the origin of the credential.
func (g Grantor) issue(ctx context.Context) (issued, error) {
	p := g.project
	switch {
	case g.err != nil:
		return issued{}, g.err
	case g.caller != nil: // without a fallback, which would sign for any caller
		return bySource(p.credentials.callers.Get(ctx, *g.caller, g.ask))
	case p.fallback == nil:
		return bySource(p.credentials.cache.Get(ctx, g.ask))
	}
	granted, err := p.credentials.cache.GetSoon(ctx, g.ask)
	unavailable, ok := errors.AsType[*token.UnavailableError](err)
	if !ok {
		return bySource(granted, err)
	}
	fallback, fallbackErr := p.obtain(ctx, p.fallback, p.credentials.clock.Now().Wall)
	switch {
	case fallbackErr == nil:
		p.metrics.fallbackUses.Inc()
		p.logFallback(fallback, unavailable)
		return issued{token: fallback, byFallback: true}, nil
	// The source may still respond, and there is nothing better: the upload waits for it
	// after all.
	case errors.Is(err, token.ErrSlow):
		return bySource(p.credentials.cache.Get(ctx, g.ask))
	default:
		return issued{}, err
	}
}

// bySource returns a credential that came from the source, and not from the fallback.
func bySource(granted source.Token, err error) (issued, error) { return issued{token: granted}, err }

// another returns a credential in place of one that the service rejected, or the rejected
// one if there is no other.
func (g Grantor) another(ctx context.Context) (issued, error) {
	switch p := g.project; {
	case g.err != nil:
		return issued{}, g.err
	case g.caller != nil:
		return bySource(p.credentials.callers.GetAnother(ctx, *g.caller, g.ask))
	case p.fallback != nil: // which takes its place for as long
		return g.issue(ctx)
	default:
		return bySource(p.credentials.cache.GetAnother(ctx, g.ask))
	}
}

// accept records in the cache that the service accepted a credential.
func (g Grantor) accept(accepted source.Token) {
	if g.caller != nil {
		g.project.credentials.callers.Accept(*g.caller, accepted)
	} else {
		g.project.credentials.cache.Accept(accepted)
	}
}

// drop makes the cache get another credential for one that the service rejected. It reports
// whether the credential was still in use. If not, another upload has dropped and reported
// it before.
func (g Grantor) drop(rejected source.Token, rejection uploadapi.Rejection) bool {
	why := token.Rejection{Sure: rejection != uploadapi.Invalid, Alone: g.project.fallback == nil}
	if g.caller != nil {
		return g.project.credentials.callers.Drop(*g.caller, rejected, why)
	}
	cache := g.project.credentials.cache
	if cache.Drop(rejected, why) {
		return true
	}
	// One that had been accepted stays until there is another: that it is not dropped
	// does not mean that it was reported.
	held, ok := cache.Current()
	return ok && held == rejected
}

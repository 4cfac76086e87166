// SPDX-License-Identifier: Apache-2.0

package project

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// loadSources loads the source, and the fallback if there is one.
func (p *Project) loadSources(ctx caddy.Context) error {
	if p.SourceRaw == nil {
		p.SourceRaw = json.RawMessage(`{"module":"secret_key"}`)
	}
	var err error
	if p.source, err = loadSource(ctx, p, "SourceRaw"); err != nil {
		return err
	}
	// A resolver depends on the request only if a header of it has a placeholder of the
	// request.
	if src, ok := p.source.(source.RequestSource); ok && src.DependsOnRequest() {
		p.perRequest = src
	}
	if p.keyring, err = p.newKeyring(); err != nil {
		return err
	}
	if p.Scheme == source.SchemeToken {
		if p.accessTokens, err = p.accessTokenSource(); err != nil {
			return err
		}
	}
	if p.FallbackRaw == nil {
		return nil
	}
	if p.fallback, err = loadSource(ctx, p, "FallbackRaw"); err != nil {
		return fmt.Errorf("fallback: %w", err)
	}
	return nil
}

// loadSource loads the module in a field. Anyone may register one in the namespace, so it
// may be no source.
func loadSource(ctx caddy.Context, p *Project, field string) (source.Source, error) {
	raw := p.SourceRaw
	if field == "FallbackRaw" {
		raw = p.FallbackRaw
	}
	var named struct{ Module string }
	if err := json.Unmarshal(raw, &named); err != nil || named.Module == "" { // for which Caddy's error shows all of it, a secret key, too
		return nil, errors.New(`source: it has no "module", which names the source, such as "secret_key"`)
	}
	loaded, err := ctx.LoadModule(p, field)
	if err != nil {
		return nil, err
	}
	src, ok := loaded.(source.Source)
	if !ok {
		return nil, fmt.Errorf("%T is not a source of credentials", loaded)
	}
	return src, nil
}

// sourceName returns the name of a source in the Caddyfile.
func sourceName(src source.Source) string { return caddy.ModuleID(caddy.GetModuleID(src)).Name() }

// fallbackName returns the name of the fallback, or "" without one.
func (p *Project) fallbackName() string {
	if p.fallback == nil {
		return ""
	}
	return sourceName(p.fallback)
}

// SPDX-License-Identifier: Apache-2.0

package option

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// When all directives of a named route have become one route without a matcher, Caddy
// keeps only its first handler: an upload gets an empty 200, and nothing is uploaded.
// Caddy merges adjacent routes if their matchers are equal and both or neither are
// terminal (docs/upstream/caddy-named-routes.md). One route that differs prevents that
// for all of them.

// RegisterHandlerDirective is [httpcaddyfile.RegisterHandlerDirective] for a handler that
// must work in a named route, too. There, separate, which is [Terminal] or [PassOn], makes
// its route differ from its neighbours.
func RegisterHandlerDirective(name string, parse httpcaddyfile.UnmarshalHandlerFunc, separate func(*caddyhttp.Route)) {
	httpcaddyfile.RegisterDirective(name, func(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
		if !h.Next() {
			return nil, h.ArgErr()
		}
		matcherSet, err := h.ExtractMatcherSet()
		if err != nil {
			return nil, err
		}
		handler, err := parse(h)
		if err != nil {
			return nil, err
		}
		values := h.NewRoute(matcherSet, handler)
		for i, value := range values {
			if route, ok := value.Value.(caddyhttp.Route); ok && h.IsNamedRoute() {
				separate(&route)
				values[i].Value = route
			}
		}
		return values, nil
	})
}

// Terminal keeps Caddy from merging a route whose handler responds to every request. It
// makes the route terminal, since no handler after it would be called anyway.
func Terminal(route *caddyhttp.Route) { route.Terminal = true }

// PassOn keeps Caddy from merging a route whose handler calls the next one. It sets an
// empty list of matcher sets, which matches every request, as nil does, but is not deeply
// equal to nil.
func PassOn(route *caddyhttp.Route) {
	if route.MatcherSetsRaw == nil {
		route.MatcherSetsRaw = caddyhttp.RawMatcherSets{}
	}
}

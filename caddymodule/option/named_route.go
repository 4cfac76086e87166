// SPDX-License-Identifier: Apache-2.0

package option

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Of a named route whose directives have all become one route without a matcher,
// Caddy keeps the first handler alone: the upload gets an empty 200,
// and nothing is uploaded. It makes one route of neighbours that have equal
// matchers and are both terminal or both not (docs/upstream/caddy-named-routes.md).
// A route that is not merged with its neighbours keeps theirs, too.

// RegisterHandlerDirective is [httpcaddyfile.RegisterHandlerDirective] for a handler
// that is kept in a named route, with its neighbours. separate, [Terminal] or
// [PassOn], keeps its route apart.
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

// Terminal keeps the route of a handler apart that responds to every request: no
// handler after it would be asked anyway.
func Terminal(route *caddyhttp.Route) { route.Terminal = true }

// PassOn keeps the route of a handler apart that asks the next one. A list of no
// matchers matches the same as none at all, and is not equal to it.
func PassOn(route *caddyhttp.Route) {
	if route.MatcherSetsRaw == nil {
		route.MatcherSetsRaw = caddyhttp.RawMatcherSets{}
	}
}

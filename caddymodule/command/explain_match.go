// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/json"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// evaluated are the matchers that depend on the request alone, so that they can be asked about
// a captured one. Others depend on the connection, on files or on other handlers, and are
// taken to match: otherwise a request of a site that has them would reach no gateway.
var evaluated = []string{"host", "path", "path_regexp", "method", "query", "header", "header_regexp", "not"}

// reached returns the first site whose matchers fit a request, or nil.
func reached(ctx caddy.Context, sites []*site, captured []byte) (*site, error) {
	for _, site := range sites {
		fits := true
		for _, sets := range site.matchers {
			ok, err := matchesAny(ctx, sets, captured)
			if err != nil {
				return nil, err
			}
			fits = fits && ok
		}
		if fits {
			return site, nil
		}
	}
	return nil, nil //nolint:nilnil // none is no error
}

// matchesAny reports whether a request matches any of the sets, which it does if all matchers
// of the set match.
func matchesAny(ctx caddy.Context, sets rawMatchers, captured []byte) (bool, error) {
	for _, set := range sets {
		all := true
		for name, config := range set {
			if !slices.Contains(evaluated, name) {
				continue
			}
			ok, err := matches(ctx, name, config, captured)
			if err != nil {
				return false, err
			}
			all = all && ok
		}
		if all {
			return true, nil
		}
	}
	return false, nil
}

// matches asks one matcher about a request.
func matches(ctx caddy.Context, name string, config json.RawMessage, captured []byte) (bool, error) {
	matcher, err := ctx.LoadModuleByID("http.matchers."+name, config)
	if err != nil {
		return false, err
	}
	r, err := parse(captured) // a request for each matcher, since one may change its own
	if err != nil {
		return false, err
	}
	r, _, _ = prepared(r)
	switch matcher := matcher.(type) {
	case caddyhttp.RequestMatcherWithError:
		return matcher.MatchWithError(r)
	case caddyhttp.RequestMatcher: //nolint:staticcheck // of plugins
		return matcher.Match(r), nil
	}
	return true, nil
}

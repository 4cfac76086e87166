// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// evaluated are the matchers that depend on the request alone, so that they can be asked about
// a captured one. Others depend on the connection, on files or on other handlers.
var evaluated = []string{"host", "path", "path_regexp", "method", "query", "header", "header_regexp", "not"}

// match is whether a request matches.
type match int

const (
	no      match = iota
	unknown       // it depends on what is not in the request
	yes
)

// matchesAny returns whether a request matches any of the sets, which it does if all matchers
// of the set match. It matches if there are no sets.
func matchesAny(ctx caddy.Context, sets rawMatchers, r *http.Request) (some match, err error) {
	if len(sets) == 0 {
		return yes, nil
	}
	for _, set := range sets {
		all := yes
		for _, name := range slices.Sorted(maps.Keys(set)) {
			one, err := matches(ctx, name, set[name], r)
			if err != nil {
				return no, err
			}
			all = min(all, one)
		}
		some = max(some, all)
	}
	return some, nil
}

// matches asks one matcher about a request, unless it depends on more.
func matches(ctx caddy.Context, name string, config json.RawMessage, r *http.Request) (match, error) {
	if !canBeAsked(name, config, 0) {
		return unknown, nil
	}
	matcher, err := ctx.LoadModuleByID("http.matchers."+name, config)
	if err != nil {
		return no, err
	}
	fits := false
	switch matcher := matcher.(type) {
	case caddyhttp.RequestMatcherWithError:
		fits, err = matcher.MatchWithError(r)
	case caddyhttp.RequestMatcher: //nolint:staticcheck // of plugins
		fits = matcher.Match(r)
	}
	if err != nil || !fits {
		return no, err
	}
	return yes, nil
}

// canBeAsked reports whether a matcher depends on the request alone, and of `not`, those in it.
func canBeAsked(name string, config json.RawMessage, depth int) bool {
	if !slices.Contains(evaluated, name) || depth > maxDepth {
		return false
	}
	if name != "not" {
		return true
	}
	var sets rawMatchers
	if json.Unmarshal(config, &sets) != nil {
		return true // loading the matcher reports the error
	}
	for _, set := range sets {
		for name, config := range set {
			if !canBeAsked(name, config, depth+1) {
				return false
			}
		}
	}
	return true
}

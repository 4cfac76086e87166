// SPDX-License-Identifier: Apache-2.0

package project

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// scopeOf returns the paths that an access token for one request is valid for: the
// endpoint's, and the request's own if it is spelled otherwise. It is unknown which of
// them the service compares with the scope, and whether it adds a slash at the end first.
func scopeOf(endpoint *uploadapi.SignedEndpoint, path string) []string {
	scope := []string{endpoint.Path}
	// A `*` may make the path a pattern, which would allow more than the upload.
	for _, spelling := range []string{path, strings.TrimSuffix(path, "/") + "/"} {
		plain := utf8.RuneCountInString(spelling) <= token.MaxScopeLength && !strings.Contains(spelling, "*")
		if plain && strings.HasPrefix(spelling, "/") && !slices.Contains(scope, spelling) {
			scope = append(scope, spelling)
		}
	}
	return scope
}

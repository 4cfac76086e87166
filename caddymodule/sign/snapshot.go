// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// snapshot is what the handlers that follow find and change, so that they can
// find it once more. It is empty for a request that cannot be sent again.
type snapshot struct {
	header []headerField // of the answer
	groups []string      // of routes that have been satisfied
}

type headerField struct {
	name   string
	values []string
}

// routeGroups is where Caddy keeps the groups of routes of which one has been
// taken: of several `handle` blocks only one may be. A request that came to
// them again would find none left.
const routeGroups = caddy.CtxKey("route_group")

func (u *upload) snapshot(w http.ResponseWriter) (s snapshot) {
	if !u.canRepeat() {
		return s
	}
	s.header = make([]headerField, 0, len(w.Header()))
	all := make([]string, 0, 8)
	for name, values := range w.Header() { // which may be changed in place
		begin := len(all)
		all = append(all, values...)
		s.header = append(s.header, headerField{name, all[begin:len(all):len(all)]})
	}
	for group := range groupsOf(u.ctx) {
		s.groups = append(s.groups, group)
	}
	return s
}

// restore makes everything as it was.
func (s snapshot) restore(w http.ResponseWriter, ctx context.Context) {
	header := w.Header()
	clear(header)
	for _, field := range s.header {
		header[field.name] = field.values
	}
	groups := groupsOf(ctx)
	for group := range groups {
		if !slices.Contains(s.groups, group) {
			delete(groups, group)
		}
	}
}

// withOwnVars returns a context in which the handlers that follow find the
// variables that there are, and change none of them: the proxy may still be
// connecting for what was sent before, and look at those.
func withOwnVars(ctx context.Context) context.Context {
	vars, ok := ctx.Value(caddyhttp.VarsCtxKey).(map[string]any)
	if !ok {
		return ctx
	}
	return context.WithValue(ctx, caddyhttp.VarsCtxKey, maps.Clone(vars))
}

func groupsOf(ctx context.Context) map[string]struct{} {
	groups, _ := ctx.Value(routeGroups).(map[string]struct{})
	return groups
}

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

// snapshot is what the next handlers find and may change, so that a retry finds it as it
// was. It is empty for a request that cannot be repeated.
type snapshot struct {
	header []headerField // of the response; the rejected one has left its fields there
	groups []string      // of routes, of which one was taken

	// In place, for nearly all uploads: they need two allocations less.
	fields [4]headerField
	values [4]string
}

type headerField struct {
	name   string
	values []string
}

// routeGroups is the context's key under which Caddy keeps the groups of routes of which
// one has been taken: of several `handle` blocks, a request runs only the first that
// matches. If a retry found the groups as the first attempt left them, it would run none
// of its routes, and nothing would be uploaded. Caddy exports no name for the key.
const routeGroups = caddy.CtxKey("route_group")

// remember keeps what there is before the first attempt. All values of the header are
// copied into one slice, to spare each upload an allocation per field.
func (u *upload) remember(w http.ResponseWriter) {
	if !u.canRepeat() {
		return
	}
	s := &u.before
	s.header = s.fields[:0]
	all := s.values[:0]
	for name, values := range w.Header() { // a handler may change the values in place, so they are copied
		begin := len(all)
		all = append(all, values...)
		s.header = append(s.header, headerField{name, all[begin:len(all):len(all)]})
	}
	for group := range groupsOf(u.ctx) {
		s.groups = append(s.groups, group)
	}
}

// restore restores the header of the response and the groups of routes.
func (s *snapshot) restore(w http.ResponseWriter, ctx context.Context) {
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

// withOwnVars returns a context with a copy of Caddy's variables for a retry. The proxy
// may still be dialling in another goroutine for the attempt before, and read them there;
// a map that is read and written at the same time ends the process.
func withOwnVars(ctx context.Context) context.Context {
	vars, ok := ctx.Value(caddyhttp.VarsCtxKey).(map[string]any)
	if !ok {
		return ctx
	}
	return context.WithValue(ctx, caddyhttp.VarsCtxKey, maps.Clone(vars))
}

// groupsOf returns the groups of routes that have been taken, a map that is Caddy's.
func groupsOf(ctx context.Context) map[string]struct{} {
	groups, _ := ctx.Value(routeGroups).(map[string]struct{})
	return groups
}

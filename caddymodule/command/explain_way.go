// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// passage is a captured request on its way to a site. Of the handlers on the way, rewrites
// alone are run: by the path that a client sent, `handle_path /upload/*` would lead to no
// endpoint. They change nothing but the request.
type passage struct {
	ctx      caddy.Context
	site     *site
	request  *http.Request
	response *response
	replacer *caddy.Replacer

	groups map[string]string   // groups whose one route the request has taken, with what is in it
	maybe  map[string][]string // routes of a group that it may take, for all that is known

	taken  string   // what takes the request before it arrives
	unless []string // what may take it, by what is not in the request
}

func newPassage(ctx caddy.Context, s *site, r *http.Request) *passage {
	p := &passage{ctx: ctx, site: s, groups: make(map[string]string), maybe: make(map[string][]string)}
	p.request, p.response, p.replacer = prepared(r)
	return p
}

// follow has the request take the steps to the site, and reports whether it arrives. Matchers
// that cannot be asked are taken to match on the way: otherwise a request of a site that has
// them would reach no gateway.
func (p *passage) follow() (arrived bool, err error) {
	for _, step := range p.site.way {
		if !step.into {
			if err := p.pass(step.route, nil, 0); err != nil {
				return false, err
			}
			continue
		}
		// A request that is taken is asked about all the same: if it does not match, what takes it
		// does not matter to the site.
		if fits, err := matchesAny(p.ctx, step.route.Match, p.request); err != nil || fits == no {
			p.taken = ""
			return false, err
		}
		group := step.route.Group
		if p.taken == "" {
			p.taken = p.groups[group]
		}
		p.unless = append(p.unless, p.maybe[group]...)
		p.take(step.route)
	}
	return p.taken == "", nil
}

// take notes that the request takes a route, and none of its group any more.
func (p *passage) take(route rawRoute) {
	if route.Group != "" {
		p.groups[route.Group] = p.describe(route)
	}
}

// pass has the request go past a route, or take it if it is certain that it does.
func (p *passage) pass(route rawRoute, outer rawMatchers, depth int) error {
	if p.taken != "" || depth > maxDepth || p.groups[route.Group] != "" {
		return nil
	}
	fits, err := matchesAny(p.ctx, route.Match, p.request)
	switch {
	case err != nil || fits == no:
		return err
	case fits == unknown:
		switch {
		case route.Group != "":
			p.maybe[route.Group] = append(p.maybe[route.Group], p.describe(route))
		case route.Terminal:
			p.unless = append(p.unless, p.describe(route))
		}
		return nil
	}
	p.take(route)
	matchers := append(slices.Clip(outer), route.Match...)
	for _, config := range route.Handle {
		if err := p.handler(config, matchers, depth); err != nil || p.taken != "" {
			return err
		}
	}
	if route.Terminal {
		p.taken = p.describe(route)
	}
	return nil
}

// handler has a handler rewrite the request, or take it.
func (p *passage) handler(config json.RawMessage, matchers rawMatchers, depth int) error {
	var handler rawHandler
	if json.Unmarshal(config, &handler) != nil {
		return nil
	}
	routes := handler.Routes
	switch named, ok := p.site.named[handler.Name]; {
	case handler.Handler == "rewrite":
		return rewrite(p.ctx, config, p.response, p.request)
	case handler.Handler == "invoke" && ok:
		routes = []rawRoute{named}
	case handler.Handler != "subroute":
		if takes(handler.Handler, config, p.request) {
			p.taken = (&before{handler.Handler, config, matchers}).String()
		}
		return nil
	}
	for _, route := range routes {
		if err := p.pass(route, matchers, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// takes reports whether a handler responds to a request itself, so that it does not get past.
func takes(name string, config json.RawMessage, r *http.Request) bool {
	var options struct {
		StatusCode     json.RawMessage   `json:"status_code"`     // of static_response
		HandleResponse []json.RawMessage `json:"handle_response"` // of reverse_proxy
		PassThru       bool              `json:"pass_thru"`       // of file_server
	}
	_ = json.Unmarshal(config, &options) // loading the config reports the error
	switch name {
	case "static_response":
		return strings.Trim(string(options.StatusCode), `"`) != "103"
	case "reverse_proxy": // forward_auth is one as well, which lets requests past
		return len(options.HandleResponse) == 0
	case "file_server":
		return !options.PassThru
	case "uploadcare_health":
		return r.Method == http.MethodGet || r.Method == http.MethodHead
	}
	return slices.Contains([]string{"error", "metrics", "uploadcare_proxy", "uploadcare_sandbox", "uploadcare_signature"}, name)
}

// describe returns what is in a route, for people.
func (p *passage) describe(route rawRoute) string {
	handlers := p.site.named.handlersOf(route, nil, 0)
	names := make([]string, 0, len(handlers))
	for _, handler := range handlers {
		names = append(names, handler.String())
	}
	if len(names) == 0 {
		return "a route without handlers"
	}
	return strings.Join(names, ", ")
}

// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/json"
	"maps"
	"slices"
)

// signHandler is the name of the handler that the commands look for.
const signHandler = "uploadcare_sign"

// site is an uploadcare_sign in a config, with what stands on the way to it.
type site struct {
	server   string
	listen   []string
	matchers []rawMatchers   // of the routes on the way
	before   []before        // handlers that a request passes first
	sign     json.RawMessage // its own config
	behind   []before        // the handlers after it
}

// rawMatchers are the matcher sets of a route: a request matches if all matchers of one set do.
type rawMatchers []map[string]json.RawMessage

// before is a handler on the way of a request, before the uploadcare_sign or behind it.
type before struct {
	name     string
	config   json.RawMessage
	matchers rawMatchers // of the routes that it alone is in; none if each request of the site passes it
}

// Parts of Caddy's config, as far as they matter here. They are decoded from JSON: loaded
// modules do not keep their configs, and a config that does not load has none.
type (
	rawConfig struct {
		Apps struct {
			HTTP struct {
				Servers map[string]rawServer `json:"servers"`
			} `json:"http"`
		} `json:"apps"`
	}
	rawServer struct {
		Listen      []string            `json:"listen"`
		Routes      []rawRoute          `json:"routes"`
		NamedRoutes map[string]rawRoute `json:"named_routes"`
	}
	rawRoute struct {
		Group    string            `json:"group"`
		Match    rawMatchers       `json:"match"`
		Handle   []json.RawMessage `json:"handle"`
		Terminal bool              `json:"terminal"`
	}
	rawHandler struct {
		Handler string     `json:"handler"`
		Routes  []rawRoute `json:"routes"` // of a subroute
		Name    string     `json:"name"`   // of an invoke
	}
)

// maxDepth bounds how deep routes are followed: named routes can invoke each other in a
// circle, in which the walk would not end.
const maxDepth = 32

// findSites returns each uploadcare_sign of a config, in the order of the servers' names.
func findSites(config []byte) (sites []*site, err error) {
	var raw rawConfig
	if err := json.Unmarshal(config, &raw); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(raw.Apps.HTTP.Servers)) {
		server := raw.Apps.HTTP.Servers[name]
		w := walk{server: server, found: &sites, at: site{server: name, listen: server.Listen}}
		w.routes(server.Routes, 0)
	}
	return sites, nil
}

// walk follows the routes of a server. It is a value, and copied where routes fork, so that one
// branch does not see the handlers of another.
type walk struct {
	server rawServer
	found  *[]*site
	at     site
}

// routes walks through a list of routes, of which a request may take several in turn.
func (w walk) routes(routes []rawRoute, depth int) {
	if depth > maxDepth {
		return
	}
	passed := slices.Clip(w.at.before)
	for i, route := range routes {
		fork := w
		fork.at.before = slices.Clone(passed)
		for _, earlier := range routes[:i] {
			// A request takes one route of a group, and none after a terminal one: such a route is
			// not on the way, but beside it.
			if !earlier.Terminal && (earlier.Group == "" || earlier.Group != route.Group) {
				fork.at.before = append(fork.at.before, handlersOf(earlier, nil, 0)...)
			}
		}
		if len(route.Match) > 0 {
			fork.at.matchers = append(slices.Clip(w.at.matchers), route.Match)
		}
		var behind []before
		for _, later := range routes[i+1:] {
			behind = append(behind, handlersOf(later, nil, 0)...)
		}
		fork.handlers(route.Handle, behind, depth)
	}
}

// handlers walks through the handlers of one route, behind which there are others.
func (w walk) handlers(handlers []json.RawMessage, behind []before, depth int) {
	for i, config := range handlers {
		var handler rawHandler
		if json.Unmarshal(config, &handler) != nil {
			continue
		}
		switch handler.Handler {
		case signHandler:
			found := w.at
			found.before, found.sign = slices.Clone(w.at.before), config
			found.behind = append(handlersOf(rawRoute{Handle: handlers[i+1:]}, nil, 0), behind...)
			*w.found = append(*w.found, &found)
		// Of these, the routes are followed: the gateway may be in them.
		case "subroute":
			w.routes(handler.Routes, depth+1)
		case "invoke":
			if named, ok := w.server.NamedRoutes[handler.Name]; ok {
				w.routes([]rawRoute{named}, depth+1)
			}
		}
		w.at.before = append(slices.Clip(w.at.before), flatten(config, nil, 0)...)
	}
}

// handlersOf returns all handlers of a route, those of its subroutes among them.
func handlersOf(route rawRoute, outer rawMatchers, depth int) (all []before) {
	matchers := append(slices.Clip(outer), route.Match...)
	for _, config := range route.Handle {
		all = append(all, flatten(config, matchers, depth)...)
	}
	return all
}

// flatten returns a handler, or those in it if it is a subroute, which does nothing itself.
func flatten(config json.RawMessage, matchers rawMatchers, depth int) (all []before) {
	var handler rawHandler
	if json.Unmarshal(config, &handler) != nil || depth > maxDepth {
		return nil
	}
	if handler.Handler != "subroute" {
		return []before{{handler.Handler, config, matchers}}
	}
	for _, route := range handler.Routes {
		all = append(all, handlersOf(route, matchers, depth+1)...)
	}
	return all
}

// hosts returns the host names that requests to the site have; none if any will do.
func (s *site) hosts() (hosts []string) {
	for _, sets := range s.matchers {
		for _, set := range sets {
			var some []string
			if json.Unmarshal(set["host"], &some) == nil {
				hosts = append(hosts, some...)
			}
		}
	}
	return hosts
}

// name returns the site's name in the output: its host, or the address or server if it has none.
func (s *site) name() string {
	if hosts := s.hosts(); len(hosts) > 0 {
		return hosts[0]
	}
	if len(s.listen) > 0 {
		return s.listen[0]
	}
	return s.server
}

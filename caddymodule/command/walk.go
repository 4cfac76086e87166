// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/json"
	"slices"
)

// walk follows the routes of a server. It is a value, and copied where routes fork, so that one
// branch does not see the handlers of another.
type walk struct {
	named namedRoutes
	found *[]*site
	at    site
}

// routes walks through a list of routes, of which a request may take several in turn, and
// behind which there are other handlers.
func (w walk) routes(routes []rawRoute, behind []before, depth int) {
	if depth > maxDepth {
		return
	}
	for i, route := range routes {
		fork := w
		fork.at.before, fork.at.way = slices.Clone(w.at.before), slices.Clone(w.at.way)
		for _, earlier := range routes[:i] {
			fork.at.way = append(fork.at.way, step{earlier, false})
			// A request takes one route of a group, and none after a terminal one: such a route is
			// not on the way, but beside it.
			if !earlier.Terminal && !sameGroup(earlier.Group, route.Group) {
				fork.at.before = append(fork.at.before, w.named.handlersOf(earlier, nil, 0)...)
			}
		}
		fork.at.way = append(fork.at.way, step{route, true})
		if len(route.Match) > 0 {
			fork.at.matchers = append(slices.Clip(w.at.matchers), route.Match)
		}
		fork.handlers(route.Handle, w.behind(routes[i:], behind), depth)
	}
}

// sameGroup reports whether two routes are in a group, of which a request takes only one.
func sameGroup(one, other string) bool { return one != "" && one == other }

// behind returns the handlers behind the first of some routes.
func (w walk) behind(routes []rawRoute, outer []before) (all []before) {
	if routes[0].Terminal {
		return nil
	}
	for _, later := range routes[1:] {
		if !sameGroup(later.Group, routes[0].Group) {
			all = append(all, w.named.handlersOf(later, nil, 0)...)
		}
	}
	return append(all, outer...)
}

// handlers walks through the handlers of one route, behind which there are others.
func (w walk) handlers(handlers []json.RawMessage, outer []before, depth int) {
	for i, config := range handlers {
		var handler rawHandler
		if json.Unmarshal(config, &handler) != nil {
			continue
		}
		behind := append(w.named.handlersOf(rawRoute{Handle: handlers[i+1:]}, nil, 0), outer...)
		switch handler.Handler {
		case signHandler:
			found := w.at
			found.before, found.way = slices.Clone(w.at.before), slices.Clone(w.at.way)
			found.sign, found.behind = config, behind
			*w.found = append(*w.found, &found)
		// Of these, the routes are followed: the gateway may be in them.
		case "subroute":
			w.routes(handler.Routes, behind, depth+1)
		case "invoke":
			if route, ok := w.named[handler.Name]; ok {
				w.routes([]rawRoute{route}, behind, depth+1)
			}
		}
		w.at.before = append(slices.Clip(w.at.before), w.named.flatten(config, nil, 0)...)
		w.at.way = append(slices.Clip(w.at.way), step{rawRoute{Handle: handlers[i : i+1]}, false})
	}
}

// namedRoutes are those routes of a server that handlers `invoke`.
type namedRoutes map[string]rawRoute

// handlersOf returns all handlers of a route, those of its subroutes and of the routes that it
// invokes among them.
func (n namedRoutes) handlersOf(route rawRoute, outer rawMatchers, depth int) (all []before) {
	matchers := append(slices.Clip(outer), route.Match...)
	for _, config := range route.Handle {
		all = append(all, n.flatten(config, matchers, depth)...)
	}
	return all
}

// flatten returns a handler, or those in it if it is one that does nothing itself.
func (n namedRoutes) flatten(config json.RawMessage, matchers rawMatchers, depth int) (all []before) {
	var handler rawHandler
	if json.Unmarshal(config, &handler) != nil || depth > maxDepth {
		return nil
	}
	switch handler.Handler {
	case "subroute":
		for _, route := range handler.Routes {
			all = append(all, n.handlersOf(route, matchers, depth+1)...)
		}
		return all
	case "invoke":
		if route, ok := n[handler.Name]; ok {
			return n.handlersOf(route, matchers, depth+1)
		}
	}
	return []before{{handler.Handler, config, matchers}}
}

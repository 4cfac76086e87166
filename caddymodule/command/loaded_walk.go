// SPDX-License-Identifier: Apache-2.0

package command

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sign"
)

// loadedWalk follows the routes of a server that has been loaded, as [walk] follows those of
// its config, and finds the sites in the same order.
type loadedWalk struct {
	named map[string]*caddyhttp.Route
	found []loadedSite
}

// routes walks through a list of routes, behind which there is a proxy, or nil.
func (w *loadedWalk) routes(routes caddyhttp.RouteList, outer caddyhttp.MiddlewareHandler, depth int) {
	if depth > maxDepth {
		return
	}
	for i, route := range routes {
		w.handlers(route.Handlers, w.behind(routes[i:], outer), depth)
	}
}

// behind returns the first proxy behind the first of some routes, or nil.
func (w *loadedWalk) behind(routes caddyhttp.RouteList, outer caddyhttp.MiddlewareHandler) caddyhttp.MiddlewareHandler {
	if routes[0].Terminal {
		return nil
	}
	for _, later := range routes[1:] {
		if sameGroup(later.Group, routes[0].Group) {
			continue
		}
		if proxy := w.proxyIn(later.Handlers, 0); proxy != nil {
			return proxy
		}
	}
	return outer
}

// handlers walks through the handlers of one route, behind which there is a proxy, or nil.
func (w *loadedWalk) handlers(handlers []caddyhttp.MiddlewareHandler, outer caddyhttp.MiddlewareHandler, depth int) {
	for i, handler := range handlers {
		proxy := w.proxyIn(handlers[i+1:], 0)
		if proxy == nil {
			proxy = outer
		}
		switch handler := handler.(type) {
		case *sign.Sign:
			w.found = append(w.found, loadedSite{handler, proxy})
		case *caddyhttp.Subroute:
			w.routes(handler.Routes, proxy, depth+1)
		case *caddyhttp.Invoke:
			if route := w.named[handler.Name]; route != nil {
				w.routes(caddyhttp.RouteList{*route}, proxy, depth+1)
			}
		}
	}
}

// proxyIn returns the first proxy of some handlers, or nil.
func (w *loadedWalk) proxyIn(handlers []caddyhttp.MiddlewareHandler, depth int) caddyhttp.MiddlewareHandler {
	if depth > maxDepth {
		return nil
	}
	for _, handler := range handlers {
		if isProxy(caddy.ModuleID(caddy.GetModuleID(handler)).Name()) {
			return handler
		}
		var routes caddyhttp.RouteList
		switch handler := handler.(type) {
		case *caddyhttp.Subroute:
			routes = handler.Routes
		case *caddyhttp.Invoke:
			if route := w.named[handler.Name]; route != nil {
				routes = caddyhttp.RouteList{*route}
			}
		}
		for _, route := range routes {
			if proxy := w.proxyIn(route.Handlers, depth+1); proxy != nil {
				return proxy
			}
		}
	}
	return nil
}

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
	named    namedRoutes     // of the server
	way      []step          // which a request takes to it
	matchers []rawMatchers   // of the routes on the way
	before   []before        // handlers that a request passes first
	sign     json.RawMessage // its own config
	behind   []before        // the handlers after it
}

// step is a route on the way to a site: the way leads into it, or past it to a later one.
type step struct {
	route rawRoute
	into  bool
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
		Listen      []string    `json:"listen"`
		Routes      []rawRoute  `json:"routes"`
		NamedRoutes namedRoutes `json:"named_routes"`
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
		w := walk{named: server.NamedRoutes, found: &sites, at: site{server: name, listen: server.Listen, named: server.NamedRoutes}}
		w.routes(server.Routes, nil, 0)
	}
	return sites, nil
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

// SPDX-License-Identifier: Apache-2.0

package command

import (
	"bytes"
	"net"
	"slices"

	"github.com/caddyserver/caddy/v2"
)

// reach is which site a request reaches, and what is known of the others.
type reach struct {
	*passage                  // to the site; nil if the request reaches none
	others   []*site          // of other servers, which the request would reach there, and that differ
	stopped  []*passage       // of other servers, which the request fits as well and which take it before a site
	taken    map[*site]string // what takes the request on the way to a site that it does not reach
}

// reached finds the site that a request reaches. The captured request does not say to which
// server it came, but for the port in its host.
func reached(ctx caddy.Context, sites []*site, captured []byte) (reach, error) {
	found := reach{taken: make(map[*site]string)}
	var all []*passage // one of each server
	for _, site := range sites {
		ofServer := func(earlier *passage) bool { return earlier.site.server == site.server }
		i := slices.IndexFunc(all, ofServer)
		// Of a server, the first that is reached takes the request.
		if i >= 0 && all[i].taken == "" {
			continue
		}
		r, err := parse(captured) // one for each way: handlers on it rewrite it
		if err != nil {
			return found, err
		}
		p := newPassage(ctx, site, r)
		arrived, err := p.follow()
		if err != nil {
			return found, err
		}
		if p.taken != "" {
			found.taken[site] = p.taken
		}
		switch {
		case i >= 0 && arrived:
			all[i] = p
		case i < 0 && (arrived || p.taken != ""):
			all = append(all, p)
		}
	}
	found.choose(all)
	return found, nil
}

// choose finds the site among the passages of all servers. A server on the port that the
// request names counts before others, also if it takes the request before a site.
func (found *reach) choose(all []*passage) {
	for _, p := range byPort(all) {
		switch {
		case p.taken != "":
			found.stopped = append(found.stopped, p)
		case found.passage == nil:
			found.passage = p
		// A site is often on two ports, as with http and https.
		case !bytes.Equal(p.site.sign, found.site.sign):
			found.others = append(found.others, p.site)
		}
	}
	if found.passage != nil {
		return
	}
	for _, p := range all {
		if p.taken == "" {
			found.others = append(found.others, p.site)
		}
	}
}

// byPort returns those of some passages whose server listens on the port that the request
// names, if there are any. Others may be meant all the same: a port is often mapped to another.
func byPort(all []*passage) (fit []*passage) {
	for _, p := range all {
		ports := []string{"80", "443"}
		if _, port, err := net.SplitHostPort(p.request.Host); err == nil {
			ports = []string{port}
		}
		if slices.ContainsFunc(ports, p.site.listensOn) {
			fit = append(fit, p)
		}
	}
	if len(fit) > 0 {
		return fit
	}
	return all
}

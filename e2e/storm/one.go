// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"time"
)

// one sends an upload to a gateway, and to another if that one cannot be connected to, as a
// client does that has several addresses.
func (s *storm) one(id int, own, shared transports) {
	u := uploadOf(s.seed, id, len(s.gateways))
	m := u.message()
	result := sent{digest: m.digest, flaw: u.flaw, began: true}
	began := time.Now()
	var r response
	for try := range s.gateways {
		at := (u.gateway + try) % len(s.gateways)
		g := s.gateways[at]
		if !g.enter() {
			continue
		}
		r = s.sendTo(g, at, &u, &m, own, shared)
		since := began
		if u.protocol == http3 { // such a client notices by silence alone that a connection is lost
			since = began.Add(-silence)
		}
		result.disturbed = g.disturbed.Load() >= since.UnixNano() || s.upstream.diedAt.Load() >= began.UnixNano()
		g.leave()
		if r.ending != unsent {
			break
		}
		s.stats.notConnected.Add(1)
	}
	result.ending, result.receipt = r.ending, r.receipt
	result.sourceDown = u.project == resolved && (strings.HasPrefix(r.reason, "No credential can be had") || r.reason == "Uploads are not allowed.")
	if u.flaw.whole() && r.ending == refused && !result.sourceDown {
		result.refusal = r.reason
	}
	s.ledger[id] = result
	s.stats.note(&u, &r)
}

// sendTo sends an upload to one gateway.
func (s *storm) sendTo(g *gateway, at int, u *upload, m *message, own, shared transports) (r response) {
	address := g.secure
	if u.protocol == http1 {
		address = g.plain
	}
	first := g.born()
	switch {
	case u.flaw == endsEarly:
		r = u.sendPart(address, m)
	case u.protocol == http2 || u.protocol == http3:
		r = u.send(shared[u.protocol][at], address, m)
	default:
		r = u.send(own[u.protocol][at], address, m)
	}
	g.note(&r, first)
	return r
}

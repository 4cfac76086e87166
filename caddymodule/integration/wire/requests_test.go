// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
)

// verdict is what our gateway is to make of a request.
type verdict string

const (
	arrives   verdict = "arrives"    // once, and the client gets its response
	isRefused verdict = "is refused" // and nothing complete comes upstream
	eitherWay verdict = "either way" // as stock does
	byChance  verdict = "by chance"  // its connection may end before or after it arrives
)

// vector is a raw request.
type vector struct {
	name string
	raw  string // a template: see destination.expand
	want verdict
	// requests is how many requests it is, if more than one: pipelined ones.
	requests int
	// design has the statuses of refusals that are our gateway's own, by destination: stock
	// has no endpoints, and forwards what it can frame.
	design map[string]int
	// closes says why our gateway closes the connection after it, where stock need not, and so
	// does not serve what is behind.
	closes string
	// elsewhere says that it goes to no endpoint of the destination, which so refuses nothing.
	elsewhere bool
	// method is that of the request if it is not the destination's.
	method string
}

// vectors are all of them.
var vectors = slices.Concat(framingVectors, lengthVectors, codingVectors, chunkVectors, trailerVectors, headerVectors, nominatedVectors, targetVectors, versionVectors, pipelineVectors)

// lanesAtOnce is how many cases run at once. Most wait for nothing but the machine; the others wait for
// [patience].
const lanesAtOnce = 12

// Every raw request, to each kind of destination: our gateway is no worse than stock, sends
// upstream at most as many requests as the client has sent, each of them well-formed and
// signed if its endpoint is, and no exchange has a byte of another.
func TestRawRequests(t *testing.T) {
	lanes := startLanes(t, lanesAtOnce, plain, func() *upstream { return startUpstream(t) })
	var number atomic.Int64
	var all summary
	var running sync.WaitGroup
	tried := rawtest.Sample(vectors)
	for _, v := range tried {
		for _, d := range destinations {
			l := <-lanes
			running.Go(func() {
				defer func() { lanes <- l }()
				all.settle(t, v.name+", to "+d.name, func() (ours, stock *outcome) {
					n := number.Add(1)
					return both(l, func(g *gateway) *outcome { return g.tryRequest(v, d, n) })
				}, func(ours, stock *outcome) *findings { return judgeRequest(v, d, ours, stock) })
			})
		}
	}
	running.Wait()
	t.Logf("%d raw requests, each to %d destinations: %s", len(tried), len(destinations), &all)
}

// both tries a case at both gateways of a lane at the same time.
func both(l *lane, try func(g *gateway) *outcome) (ours, stock *outcome) {
	var trying sync.WaitGroup
	trying.Go(func() { ours = try(l.ours) })
	trying.Go(func() { stock = try(l.stock) })
	trying.Wait()
	return ours, stock
}

// tryRequest sends a raw request, then a clean one on the same connection, and then one on
// another.
func (g *gateway) tryRequest(v vector, d destination, n int64) *outcome {
	id := func(part string) string { return fmt.Sprintf("id-%s%d%s-end", g.name, n, part) }
	o := new(outcome)
	fail := func(err error) *outcome {
		o.faults = append(o.faults, err.Error())
		return o
	}
	if err := g.prepare(id("w")); err != nil {
		return fail(err)
	}
	c, err := dial(g.address)
	if err != nil {
		return fail(err)
	}
	defer c.close()
	_, _ = io.WriteString(c.connection, d.expand(v.raw, g.address, id("a"), id("b"), id("c"))) // the gateway may have had enough
	method := v.method
	if method == "" {
		method = d.method
	}
	o.responses = c.responses(method, max(v.requests, 1))
	o.asked = len(o.responses)
	o.after = c.afterwards(upload.request(g.address, id("d")), id("d"), o)
	o.other = g.send(upload.request(g.address, id("e")), upload.method)
	if !o.other.isOwn(id("e")) {
		o.faults = append(o.faults, fmt.Sprintf("another client got %v", o.other))
	}
	o.collect(g, []string{id("w"), id("d"), id("e")})
	o.checkCanaries(func(found string) bool { return caseOf(found) == caseOf(id("a")) }, []string{id("w"), id("d"), id("e")})
	return o
}

// responses reads as many as there are requests, or until none comes any more. If the gateway
// waits for more, the client says that there is none.
func (c *client) responses(method string, count int) (responses []*response) {
	for range count {
		r := c.response(method, patience)
		if r.err == errSilent { //nolint:errorlint // it is not wrapped
			c.halfClose()
			r = c.response(method, patience)
		}
		responses = append(responses, r)
		if r.err != nil {
			break
		}
	}
	return responses
}

// afterwards sends a clean request on the connection, and returns what has become of it.
// Further responses that come before are added to the outcome.
func (c *client) afterwards(clean, id string, o *outcome) string {
	if _, err := io.WriteString(c.connection, clean); err != nil {
		return closed
	}
	for range 5 {
		r := c.response(upload.method, limit)
		switch {
		case r.isOwn(id):
			return usable
		case r.err == errSilent: //nolint:errorlint // it is not wrapped
			return strayed
		case r.err != nil:
			return closed
		}
		o.responses = append(o.responses, r)
	}
	return strayed
}

// caseOf returns what the canaries of a case have in common.
func caseOf(id string) string { return id[:len(id)-len("a-end")] }

// collect takes from the upstream what has come for the case itself, and not for the clean
// requests around it, whose canaries are given.
func (o *outcome) collect(g *gateway, clean []string) {
	arrivals, faults := g.upstream.recorded()
	o.faults = append(o.faults, faults...)
	for _, a := range arrivals {
		ids := canariesIn(a.raw)
		if len(ids) == 1 && slices.Contains(clean, ids[0]) {
			continue
		}
		// A request of an earlier case, whose client has left, may come as late as this.
		if len(ids) == 1 && caseOf(ids[0]) != caseOf(clean[0]) {
			continue
		}
		o.arrivals = append(o.arrivals, a)
	}
}

// judgeRequest checks what became of a request.
func judgeRequest(v vector, d destination, ours, stock *outcome) *findings {
	found := new(findings)
	design, byDesign := v.design[d.name]
	if d.name == refused.name && !byDesign && !v.elsewhere { // unless it is refused for its framing
		design, byDesign = http.StatusUnsupportedMediaType, v.want == arrives || ours.responses[0].status == http.StatusUnsupportedMediaType
	}
	found.see(ours)
	switch {
	case byDesign && (len(ours.responses) == 0 || ours.responses[0].status != design || ours.complete() > max(v.requests, 1)-1):
		found.isWorse("not refused with %d", design)
	case !byDesign && v.want == arrives && ours.complete() != max(v.requests, 1):
		found.isWorse("%d requests came upstream", ours.complete())
	case !byDesign && v.want == isRefused && ours.complete() > 0:
		found.breaks("it is not refused")
	}
	for _, way := range slices.Concat(ours.tooMany(stock, max(v.requests, 1)), ours.worse(stock, byDesign || v.closes != "" && ours.after == closed)) {
		found.isWorse("worse: %s", way)
	}
	if ours.after == usable && stock.after == closed {
		found.isWorse("worse: the connection remains usable")
	}
	return found
}

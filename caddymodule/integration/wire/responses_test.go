// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
)

// reply is a raw response.
type reply struct {
	name string
	script
	want expectation
}

// expectation is what the client is to see of a response.
type expectation string

const (
	comes   expectation = "comes"      // the client gets it whole
	fails   expectation = "fails"      // the client sees that there was none, or that it broke off
	asStock expectation = "either way" // as with stock
)

// replies are all of them.
var replies = slices.Concat(lengthReplies, excessReplies, codingReplies, statusReplies, fieldReplies, interimReplies, endingReplies, earlyReplies, lateReplies)

// sent is a kind of request that a response is sent to: each takes another way through our
// gateway.
type sent struct {
	name, method string
	request      func(address, id string) string
}

var kindsSent = []sent{
	{"a small upload", "POST", upload.request},
	{"a chunked upload", "POST", func(address, id string) string { return upload.expand(chunkedHead+"{chunked}", address, id, "", "") }},
	{"a large upload", "POST", large.request},
	{"what is not signed", "POST", unsigned.request},
	{"GET", "GET", func(address, id string) string {
		return "GET /info/ HTTP/1.1\r\nHost: " + address + "\r\nX-Canary: " + id + "\r\n\r\n"
	}},
	{"HEAD", "HEAD", func(address, id string) string {
		return "HEAD /info/ HTTP/1.1\r\nHost: " + address + "\r\nX-Canary: " + id + "\r\n\r\n"
	}},
}

// large is an upload that does not fit into a buffer of the gateway's.
var large = destination{"large", "POST", "/base/", upload.contentType, func(id string) string {
	return fixture.Form(fixture.Field("UPLOADCARE_PUB_KEY", "demopublickey"), fixture.File("file", "cat.jpg", strings.Repeat("a photo ", 16<<10)+id))
}}

// Every raw response, to each kind of request, from an upstream with TLS and without: our
// gateway takes nothing for a response that stock does not, sends no request twice that
// stock does not, and gives the next client, on the same pool, its own response.
func TestRawResponses(t *testing.T) {
	certificate := loopbackCertificate()
	for name, lanes := range map[string]chan *lane{
		"plain":    startLanes(t, lanesAtOnce, plain, func() *upstream { return startUpstream(t) }),
		"over TLS": startLanes(t, lanesAtOnce, overTLS, func() *upstream { return startUpstream(t, certificate) }),
	} {
		kinds := kindsSent
		if name == "over TLS" {
			kinds = kindsSent[:1]
		}
		var number atomic.Int64
		var all summary
		var running sync.WaitGroup
		tried := rawtest.Sample(replies)
		for _, r := range tried {
			for _, kind := range kinds {
				l := <-lanes
				running.Go(func() {
					defer func() { lanes <- l }()
					all.settle(t, r.name+", to "+kind.name, func() (ours, stock *outcome) {
						n := number.Add(1)
						return both(l, func(g *gateway) *outcome { return g.tryResponse(r, kind, n) })
					}, func(ours, stock *outcome) *findings { return judgeResponse(r, kind, ours, stock) })
				})
			}
		}
		running.Wait()
		t.Logf("%d raw responses, %s, each to %d kinds of requests: %s", len(tried), name, len(kinds), &all)
	}
}

// tryResponse sends a request, to which the upstream sends the raw response, and then clean
// uploads on the same connection and on another.
func (g *gateway) tryResponse(r reply, kind sent, n int64) *outcome {
	id := func(part string) string { return fmt.Sprintf("id-%s%d%s-end", g.name, n, part) }
	o := new(outcome)
	fail := func(err error) *outcome {
		o.faults = append(o.faults, err.Error())
		return o
	}
	if err := g.prepare(id("w")); err != nil {
		return fail(err)
	}
	s := r.script
	s.raw, s.more = expandReply(s.raw, id("a"), id("z")), expandReply(s.more, id("a"), id("z"))
	played := make(chan struct{}, 1)
	s.played = played
	g.upstream.respondTo(id("a"), s)
	c, err := dial(g.address)
	if err != nil {
		return fail(err)
	}
	defer c.close()
	_, _ = io.WriteString(c.connection, kind.request(g.address, id("a"))) // a response may come before the end of it
	got := c.response(kind.method, patience)
	o.responses, o.asked = append(o.responses, got), 1
	if s.more != "" && got.err == nil {
		select {
		case <-played:
		case <-time.After(limit):
		}
		time.Sleep(moment)
	}
	if got.err == nil && got.whole {
		o.after = c.afterwards(upload.request(g.address, id("d")), id("d"), o)
	} else { // the client gives up
		o.after = closed
		c.close()
	}
	if strings.Contains(got.body, id("z")) {
		o.faults = append(o.faults, "the response has more than its length")
	}
	o.other = g.send(upload.request(g.address, id("e")), upload.method)
	// One request has to meet an upstream's connection that is silent from then on: which of
	// the two is chance.
	metSilence := s.then == stalls && o.after == usable
	if !o.other.isOwn(id("e")) && !metSilence {
		o.faults = append(o.faults, fmt.Sprintf("another client got %v", o.other))
	}
	o.collect(g, []string{id("w"), id("d"), id("e")})
	o.checkCanaries(func(found string) bool { return found == id("a") }, nil)
	return o
}

// expandReply fills a template in: {ok} is a whole response, and {evil} another, which no
// client is to get.
func expandReply(raw, id, evil string) string {
	body, other := fmt.Sprintf(`{"file":"reply %s"}`, id), fmt.Sprintf(`{"file":"reply %s"}`, evil)
	n, half := len(body), len(body)/2
	return strings.NewReplacer(
		"{ok}", fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", n, body),
		"{evil}", fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(other), other),
		"{chunked}", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", n, body), "{chunk}", fmt.Sprintf("%x\r\n%s\r\n", n, body),
		"{body}", body, "{half}", body[:half], "{rest}", body[half:], "{n}", fmt.Sprint(n), "{n+1}", fmt.Sprint(n+1), "{n-1}", fmt.Sprint(n-1),
		"{hex}", fmt.Sprintf("%x", n), "{hex+1}", fmt.Sprintf("%x", n+1), "{hex-1}", fmt.Sprintf("%x", n-1),
	).Replace(raw)
}

// judgeResponse checks what became of a response.
func judgeResponse(r reply, kind sent, ours, stock *outcome) *findings {
	found := new(findings)
	for _, fault := range ours.faults {
		found.breaks("%s", fault)
	}
	if len(ours.arrivals) > max(1, len(stock.arrivals)) {
		found.breaks("%d requests came upstream", len(ours.arrivals))
	}
	served := ours.served() == 1
	if kind.method == "HEAD" { // it has no body to be known by
		served = len(ours.responses) > 0 && ours.responses[0].err == nil && ours.responses[0].status < 500
	}
	if r.want == comes && !served || r.want == fails && served && kind.method != "HEAD" {
		found.isWorse("the response is one that %s", r.want)
	}
	for _, way := range ours.worse(stock, false) {
		found.isWorse("worse: %s", way)
	}
	return found
}

// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/quic-go/quic-go"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
)

// frames3 are a case of HTTP/3.
type frames3 struct {
	name string
	want verdict
	// play sends frames, and returns the streams whose responses matter.
	play     func(c *http3Client, id canaries) []*http3Stream
	config   *quic.Config
	requests int
	status   int
	better   string
}

func (f frames3) expected() expected {
	return expected{f.want, max(f.requests, 1), f.status, f.better}
}

var allFrames3 = slices.Concat(soundFrames3, resetFrames3, lengthFrames3, headFrames3(), trailerFrames3, strayFrames3)

// headFrames3 are the cases of odd headers over HTTP/3.
func headFrames3() (all []frames3) {
	for _, h := range slices.Concat(lengthHeads, pseudoHeads, fieldHeads) {
		all = append(all, frames3{name: h.name, want: h.want, status: h.status, better: h.better, play: func(c *http3Client, id canaries) []*http3Stream {
			return []*http3Stream{c.begin(headers(h.change(c.head(id("a"), -1))...), data(upload.body(id("a")))).end()}
		}})
	}
	return all
}

// The same over HTTP/3.
func TestRawHTTP3(t *testing.T) {
	lanes := startLanes(t, lanesAtOnce, secured(t), func() *upstream { return startUpstream(t) })
	var number atomic.Int64
	var all summary
	var running sync.WaitGroup
	tried := rawtest.Sample(allFrames3)
	for _, f := range tried {
		l := <-lanes
		running.Go(func() {
			defer func() { lanes <- l }()
			all.settle(t, f.name, func() (ours, stock *outcome) {
				n := number.Add(1)
				return both(l, func(g *gateway) *outcome { return g.tryFrames3(f, n) })
			}, f.expected().judge)
		})
	}
	running.Wait()
	t.Logf("%d sequences of frames: %s", len(tried), &all)
}

// tryFrames3 plays frames, then sends a clean upload on the same connection, and one on another.
func (g *gateway) tryFrames3(f frames3, n int64) *outcome {
	id := func(part string) string { return fmt.Sprintf("id-%s%d%s-end", g.name, n, part) }
	o := new(outcome)
	fail := func(err error) *outcome {
		o.faults = append(o.faults, err.Error())
		return o
	}
	if err := g.prepareHTTP3(id("w")); err != nil {
		return fail(err)
	}
	c, err := dialHTTP3(g.address, f.config)
	if err != nil {
		return fail(err)
	}
	defer c.close()
	for _, stream := range f.play(c, id) {
		o.responses = append(o.responses, stream.await(patience))
	}
	o.asked = len(o.responses)
	switch got := c.sound(id("d")).await(limit); {
	case got.isOwn(id("d")):
		o.after = usable
	case got.err == errSilent: //nolint:errorlint // it is not wrapped
		o.after = strayed
	default:
		o.after = closed
	}
	o.other = g.sendHTTP3(id("e"))
	if !o.other.isOwn(id("e")) {
		o.faults = append(o.faults, fmt.Sprintf("another client got %v", o.other))
	}
	clean := []string{id("w"), id("d"), id("e")}
	o.collect(g, clean)
	o.checkCanaries(func(found string) bool { return caseOf(found) == caseOf(id("a")) }, clean)
	return o
}

// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
)

// frames are a case of HTTP/2.
type frames struct {
	name string
	// play sends frames, and returns the streams whose responses matter.
	play func(c *http2Client, id func(part string) string) []uint32
	want verdict
	// settings are the client's.
	settings []http2.Setting
	// requests is how many there are, if more than one.
	requests int
	// status is that of a refusal of our gateway's own, or 0.
	status int
	// better says why our gateway serves what stock does not, or is empty.
	better string
}

var allFrames = slices.Concat(soundFrames, resetFrames, windowFrames, lengthFrames, headFrames(), trailerFrames, strayFrames, floodFrames)

// Every sequence of frames: our gateway is no worse than stock, sends upstream no request that is not
// whole or not signed, and no exchange has a byte of another.
func TestRawHTTP2(t *testing.T) {
	lanes := startLanes(t, lanesAtOnce, secured(t), func() *upstream { return startUpstream(t) })
	var number atomic.Int64
	var all summary
	var running sync.WaitGroup
	tried := rawtest.Sample(allFrames)
	for _, f := range tried {
		l := <-lanes
		running.Go(func() {
			defer func() { lanes <- l }()
			all.settle(t, f.name, func() (ours, stock *outcome) {
				n := number.Add(1)
				return both(l, func(g *gateway) *outcome { return g.tryFrames(f, n) })
			}, f.expected().judge)
		})
	}
	running.Wait()
	t.Logf("%d sequences of frames: %s", len(tried), &all)
}

// secured returns sites with TLS, and so with HTTP/2 and HTTP/3.
func secured(t *testing.T) site {
	t.Helper()
	certificate, key := writeCertificate(t)
	return func(l *lane) string {
		text := strings.ReplaceAll(plain(l), "http://:", "https://:")
		return strings.ReplaceAll(text, "\tbind 127.0.0.1\n", "\tbind 127.0.0.1\n\ttls "+certificate+" "+key+"\n")
	}
}

// writeCertificate writes a certificate and its key to files.
func writeCertificate(t *testing.T) (certificate, key string) {
	t.Helper()
	pair, directory := loopbackCertificate(), t.TempDir()
	secret, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(directory, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("certificate", "CERTIFICATE", pair.Certificate[0]), write("key", "PRIVATE KEY", secret)
}

// sendSecure sends one upload over TLS, on a connection of its own.
func (g *gateway) sendSecure(id string) *response {
	c, err := dialHTTP2(g.address)
	if err != nil {
		return &response{err: err}
	}
	defer c.close()
	return &c.await(c.sound(id), limit).response
}

// prepareSecure is prepare for a gateway with TLS.
func (g *gateway) prepareSecure(id string) error {
	g.upstream.forget()
	var got *response
	for range 5 {
		if got = g.sendSecure(id); got.isOwn(id) {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("a sound upload got %v", got)
}

// tryFrames plays frames, then sends a clean upload on the same connection, and one on another.
func (g *gateway) tryFrames(f frames, n int64) *outcome {
	id := func(part string) string { return fmt.Sprintf("id-%s%d%s-end", g.name, n, part) }
	o := new(outcome)
	fail := func(err error) *outcome {
		o.faults = append(o.faults, err.Error())
		return o
	}
	if err := g.prepareSecure(id("w")); err != nil {
		return fail(err)
	}
	c, err := dialHTTP2(g.address, f.settings...)
	if err != nil {
		return fail(err)
	}
	defer c.close()
	for _, stream := range f.play(c, id) {
		o.responses = append(o.responses, &c.await(stream, patience).response)
	}
	o.asked = len(o.responses)
	o.after = c.afterwards(id("d"))
	o.other = g.sendSecure(id("e"))
	if !o.other.isOwn(id("e")) {
		o.faults = append(o.faults, fmt.Sprintf("another client got %v", o.other))
	}
	clean := []string{id("w"), id("d"), id("e")}
	o.collect(g, clean)
	o.checkCanaries(func(found string) bool { return caseOf(found) == caseOf(id("a")) }, clean)
	return o
}

// expected is what a case of HTTP/2 or HTTP/3 is to come to: see [frames].
type expected struct {
	want     verdict
	requests int
	status   int
	better   string
}

func (f frames) expected() expected {
	return expected{f.want, max(f.requests, 1), f.status, f.better}
}

// judge checks what became of a case of HTTP/2 or HTTP/3.
func (e expected) judge(ours, stock *outcome) *findings {
	found := new(findings)
	found.see(ours)
	switch {
	case e.status != 0 && (len(ours.responses) == 0 || ours.responses[0].status != e.status || ours.complete() >= e.requests):
		found.isWorse("not refused with %d", e.status)
	case e.status == 0 && e.want == arrives && ours.complete() != e.requests:
		found.isWorse("%d requests came upstream", ours.complete())
	case e.status == 0 && e.want == isRefused && ours.complete() > 0:
		found.breaks("it is not refused")
	}
	if e.better == "" {
		upTo := stock
		if e.want == byChance || len(ours.responses) == 0 { // whether it arrives before its client leaves, is chance
			upTo = ours
		}
		for _, way := range slices.Concat(ours.tooMany(upTo, e.requests), ours.worse(stock, e.status != 0 || e.want == byChance)) {
			found.isWorse("worse: %s", way)
		}
	}
	if e.want != byChance && len(ours.responses) > 0 && ours.after == usable && stock.after == closed {
		found.isWorse("worse: the connection remains usable")
	}
	return found
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

// distances are the round-trip times to the upstream. Proxies are near the clients, at no
// distance.
var distances = []time.Duration{20 * time.Millisecond, 50 * time.Millisecond, 150 * time.Millisecond}

const (
	// shortKeepalive is how long the proxies retain idle connections. In production it is
	// longer; a measurement has to wait for it.
	shortKeepalive = time.Second
	// idleness is a pause after which all of them are closed.
	idleness = shortKeepalive * 3 / 2
)

// distant is a contender near the clients and far from the upstream.
type distant struct {
	contender
	ready bool // keeps a connection for the first upload
}

var distantContenders = []distant{
	{contender{name: "direct"}, false},
	{contender{name: base, start: caddy(distantPlainProxy)}, false},
	{contender{name: gateway, signs: true, start: caddy(distantUploadcare(shortKeepalive, ""))}, false},
	// The recipe of docs/proxy.md.
	{contender{name: gateway + " kept ready", signs: true, start: caddy(distantUploadcare(shortKeepalive, keptReady))}, true},
}

// keptReady makes Caddy send a health check before a connection has been idle for too long,
// but not so often that it delays uploads.
var keptReady = fmt.Sprintf("health_uri /\n\t\thealth_interval %s", shortKeepalive*7/10)

// distantPlainProxy is plainProxy with shortKeepalive.
func distantPlainProxy(s site) string {
	return fmt.Sprintf("reverse_proxy %s {\n\t\ttransport http {\n\t\t\tkeepalive %s\n\t\t\t%s\n\t\t}\n\t}", s.sink, shortKeepalive, s.trust())
}

// distantUploadcare is the gateway with a keep-alive, and further options of the proxy.
func distantUploadcare(keepalive time.Duration, options string) func(site) string {
	return func(s site) string {
		return fmt.Sprintf("uploadcare {\n\t\tproject %s {\n\t\t\tsecret_key demosecretkey\n\t\t}\n\t\tupstream %s\n\t\t%s\n\t\ttransport uploadcare {\n\t\t\tversions 1.1 2\n\t\t\tkeepalive %s\n\t\t\t%s\n\t\t}\n\t}",
			publicKey, s.sink, options, keepalive, s.trust())
	}
}

// state is the state of a proxy's connections when an upload comes.
type state string

const (
	cold state = "cold" // the client's own, which is always so
	warm state = "warm"
	idle state = "after idleness"
)

// timing is the median time of uploads, from before the client connected until it had the
// response.
type timing struct {
	distance  time.Duration
	upstream  string
	size      int64
	contender string
	state     state
	median    time.Duration
}

// measureDistance measures all selected parts, prints their tables and writes them.
func measureDistance(o *options) error {
	if err := checkDistanceParts(o); err != nil {
		return err
	}
	directory, remove, err := o.buildAside()
	if err != nil {
		return err
	}
	defer remove()
	if err := loopback.MakeCertificate(directory); err != nil {
		return err
	}
	var tables []string
	for _, part := range distanceParts {
		if !selected(o.cases, part.name) {
			continue
		}
		table, err := part.measure(o, directory)
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		tables = append(tables, table)
	}
	report := strings.Join(tables, "\n")
	fmt.Print(report)
	if o.out == "" {
		return nil
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(o.out, "distance.md"), []byte(report), 0o644)
}

// distanceParts are the parts of the measurement. Each returns a table.
var distanceParts = []struct {
	name    string
	measure func(o *options, directory string) (string, error)
}{
	{"timings", measureTimings}, {"bursts", measureBursts}, {"stale", measureStale}, {"clients", measureClients},
}

// checkDistanceParts rejects names of cases that there are not.
func checkDistanceParts(o *options) error {
	var names []string
	for _, part := range distanceParts {
		names = append(names, part.name)
	}
	for _, name := range o.cases {
		if !slices.Contains(names, name) {
			return fmt.Errorf("with -distance there is no case %q, only %v", name, names)
		}
	}
	return nil
}

// measureTimings measures single uploads at all distances, to all kinds of upstream.
func measureTimings(o *options, directory string) (string, error) {
	var timings []timing
	for _, distance := range distances {
		for _, kind := range upstreamKinds {
			more, err := measureUpstream(o, kind, distance, directory)
			if err != nil {
				return "", fmt.Errorf("%s at %s: %w", kind.name, distance, err)
			}
			timings = append(timings, more...)
		}
	}
	return distanceTable(timings), nil
}

// measureUpstream measures all contenders with one kind of upstream.
func measureUpstream(o *options, kind upstreamKind, distance time.Duration, directory string) ([]timing, error) {
	var timings []timing
	for _, contender := range distantContenders {
		// The upstream never closes a connection here: what that costs is measureStale's.
		visitor, stop, err := startDistance(o, contender, kind, distance, 0, directory)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", contender.name, err)
		}
		more, err := visitor.visit(o, kind)
		stop()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", contender.name, err)
		}
		for _, timing := range more {
			timing.distance, timing.upstream = distance, kind.name
			fmt.Fprintln(os.Stderr, timing)
			timings = append(timings, timing)
		}
	}
	return timings, nil
}

// String is the line of progress.
func (t timing) String() string {
	return fmt.Sprintf("%s, %s, %d bytes, %s, %s: %s", t.distance, t.upstream, t.size, t.contender, t.state, t.median)
}

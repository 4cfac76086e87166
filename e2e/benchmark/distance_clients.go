// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

// clientDistances are the round-trip times from clients to the proxy, whose upstream is near.
var clientDistances = []time.Duration{0, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond}

// coldDistance is where clients without a connection are measured, and nginx.
const coldDistance = 100 * time.Millisecond

// clientProtocols are what clients speak to the proxy.
var clientProtocols = []protocol{http1TLS, http2Protocol, http3Protocol}

// page is what a client uploads at once.
type page struct {
	files int
	size  int64
	cold  bool // over a connection of its own
}

var pages = []page{{1, largeFile, false}, {6, 8 << 20, false}, {1, smallFile, true}}

// String is the name in the table.
func (p page) String() string {
	text := sizeName(p.size)
	if p.files > 1 {
		text = fmt.Sprintf("%d x %s", p.files, text)
	}
	if p.cold {
		text += ", cold"
	}
	return text
}

// clientContenders are those near the upstream. nginx speaks HTTP/2 here.
var clientContenders = []contender{
	{name: base, start: caddy(plainProxy)},
	{name: gateway, signs: true, start: caddy(uploadcare(""))},
	{name: "nginx", start: nginx(""), missing: noNginx},
}

// reach is how long the uploads of a page take from a distance.
type reach struct {
	distance  time.Duration
	speaks    protocol
	page      page
	contender string
	median    time.Duration
}

// rate is what comes through, in MB/s.
func (r reach) rate() float64 {
	return float64(r.page.size) * float64(r.page.files) / r.median.Seconds() / 1e6
}

// String is the line of progress.
func (r reach) String() string {
	return fmt.Sprintf("%s, %s, %s, %s: %s, %.1f MB/s", r.distance, r.speaks, r.page, r.contender, r.median, r.rate())
}

// measureClients measures clients at all distances from the contenders.
func measureClients(o *options, directory string) (string, error) {
	// TLS 1.2 is what nginx speaks to an upstream. The version hardly shows on warm connections.
	upstream, err := startDistantUpstream(upstreamKind{version: tls.VersionTLS12, protocol: http1TLS}, directory, 0)
	if err != nil {
		return "", err
	}
	defer upstream.stop()
	var entrants []*entrant
	defer func() {
		for _, e := range entrants {
			e.process.stop()
		}
	}()
	for _, contender := range slices.Concat(clientContenders, o.also) {
		if contender.missing != nil && contender.missing() != "" {
			fmt.Fprintf(os.Stderr, "%s: left out: %s\n", contender.name, contender.missing())
			continue
		}
		e := &entrant{contender: contender}
		if err := e.begin(site{
			options: o, mode: mode{name: "clients", downstream: http2Protocol, upstreamTLS: true},
			directory: filepath.Join(directory, "clients-"+contender.name), certificate: directory,
			sink: "https://" + addressFor(upstream.listener.Addr()),
		}); err != nil {
			return "", fmt.Errorf("%s: %w", contender.name, err)
		}
		entrants = append(entrants, e)
	}
	var reaches []reach
	for _, distance := range clientDistances {
		for _, speaks := range clientProtocols {
			more, err := reachFrom(o, entrants, distance, speaks, directory)
			if err != nil {
				return "", fmt.Errorf("%s from %s: %w", speaks, distance, err)
			}
			reaches = append(reaches, more...)
		}
	}
	if o.out != "" {
		if err := os.MkdirAll(o.out, 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(o.out, "distance.svg"), []byte(reachPicture(reaches)), 0o644); err != nil {
			return "", err
		}
	}
	return reachTable(reaches), nil
}

// reachFrom measures all contenders from one distance by one protocol. Each round visits
// each of them once.
func reachFrom(o *options, entrants []*entrant, distance time.Duration, speaks protocol, directory string) (reaches []reach, err error) {
	for _, page := range pages {
		if page.cold && distance != coldDistance {
			continue
		}
		took := map[string][]time.Duration{}
		for round := range o.rounds {
			for _, e := range entrants {
				// It takes a minute for one file.
				if e.name == "nginx" && (distance != coldDistance || speaks != http2Protocol || round > 0) {
					continue
				}
				once, err := e.from(distance, speaks, page, directory)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", e.name, errors.Join(err, errors.New(e.process.output.String())))
				}
				took[e.name] = append(took[e.name], once)
			}
		}
		for _, e := range entrants {
			if len(took[e.name]) == 0 {
				continue
			}
			r := reach{distance, speaks, page, e.name, within(took[e.name], 0.5)}
			fmt.Fprintln(os.Stderr, r)
			reaches = append(reaches, r)
		}
	}
	return reaches, nil
}

// from uploads a page from a distance, and returns how long that took.
func (e *entrant) from(distance time.Duration, speaks protocol, page page, directory string) (time.Duration, error) {
	address, stop, err := away(e.address, distance, speaks)
	if err != nil {
		return 0, err
	}
	defer stop()
	trust, err := loopback.ClientTLS(directory)
	if err != nil {
		return 0, err
	}
	// A browser has several connections by HTTP/1.1, and one otherwise.
	clients := make([]client, page.files)
	for i := range clients {
		if i > 0 && speaks != http1TLS {
			clients[i] = clients[0]
			continue
		}
		if clients[i], err = newClient(speaks, address, trust); err != nil {
			return 0, err
		}
		defer clients[i].close()
	}
	if !page.cold {
		if err := uploadAll(clients, newForm(smallFile)); err != nil {
			return 0, err
		}
		if report, err := clients[0].upload(newForm(smallFile), true); err != nil {
			return 0, err
		} else if err := newForm(smallFile).check(report, e.signs, e.forces); err != nil {
			return 0, err
		}
	}
	began := time.Now()
	err = uploadAll(clients, newForm(page.size))
	return time.Since(began), err
}

// away puts a relay before an address. There is none where there is no distance.
func away(address string, distance time.Duration, speaks protocol) (string, func(), error) {
	if distance == 0 {
		return address, func() {}, nil
	}
	if speaks == http3Protocol {
		relay, err := newPacketRelay(address, distance)
		if err != nil {
			return "", nil, err
		}
		return relay.address(), relay.stop, nil
	}
	relay, err := newRelay(address, distance)
	if err != nil {
		return "", nil, err
	}
	return relay.address(), relay.stop, nil
}

// uploadAll sends a form by each client at once.
func uploadAll(clients []client, form form) error {
	var running sync.WaitGroup
	failures := make([]error, len(clients))
	for i, client := range clients {
		running.Go(func() { _, failures[i] = client.upload(form, false) })
	}
	running.Wait()
	return errors.Join(failures...)
}

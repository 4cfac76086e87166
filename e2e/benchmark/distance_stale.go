// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"
)

const (
	// upstreamIdle is after how long the upstream closes idle connections.
	upstreamIdle = 250 * time.Millisecond
	// Several at once, since there is one such moment in each quarter of a second.
	staleClients = 8
	// staleMargin is how far before and after that uploads are sent, besides a round trip.
	staleMargin = 4 * time.Millisecond
)

// staleRace is how many uploads were lost of those that were sent when the upstream was
// about to close an idle connection.
type staleRace struct {
	distance      time.Duration
	contender     string
	uploads, lost int
}

var staleContenders = []distant{
	{contender{name: "`reverse_proxy`", start: caddy(distantPlainProxy)}, false},
	{contender{name: "`uploadcare`", start: caddy(distantUploadcare(shortKeepalive, ""))}, false},
	{contender{name: "`uploadcare`, `keepalive` shorter than the upstream's", start: caddy(distantUploadcare(upstreamIdle*3/5, ""))}, false},
}

// measureStale counts lost uploads near the upstream and far from it.
func measureStale(o *options, directory string) (string, error) {
	var races []staleRace
	for _, distance := range []time.Duration{0, 20 * time.Millisecond} {
		for _, contender := range staleContenders {
			race, err := raceStale(o, contender, distance, directory)
			if err != nil {
				return "", fmt.Errorf("%s: %w", contender.name, err)
			}
			fmt.Fprintf(os.Stderr, "%s, %s: %d of %d lost\n", distance, race.contender, race.lost, race.uploads)
			races = append(races, race)
		}
	}
	return staleTable(races), nil
}

// raceStale sends volleys of uploads at about the moment at which the upstream closes idle
// connections. A POST that arrives just after that is lost, and cannot be retried.
func raceStale(o *options, contender distant, distance time.Duration, directory string) (staleRace, error) {
	race := staleRace{distance: distance, contender: contender.name}
	visitor, stop, err := startDistance(o, contender, upstreamKinds[0], distance, upstreamIdle, directory)
	if err != nil {
		return race, err
	}
	defer stop()
	for range 20 * o.rounds {
		// All at once, so that all connections have been idle for the same time. The last
		// response took half a round trip, and an upload takes as long.
		// At random within it: at a fixed moment, all or none would be lost.
		window := 2*staleMargin + distance
		time.Sleep(upstreamIdle - distance - staleMargin + rand.N(window))
		_, lost := visitor.volley(staleClients)
		race.lost += lost
		race.uploads += staleClients
	}
	return race, nil
}

// volley sends uploads of several clients at once. It returns how long those took that
// succeeded, and how many failed.
func (v *visitor) volley(clients int) (took []time.Duration, lost int) {
	var running sync.WaitGroup
	var mu sync.Mutex
	for range clients {
		running.Go(func() {
			began := time.Now()
			_, err := v.upload(newForm(smallFile), false)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				lost++
				return
			}
			took = append(took, time.Since(began))
		})
	}
	running.Wait()
	return took, lost
}

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
	// upstreamIdle is how long the upstream keeps an idle connection in the race
	// for stale ones.
	upstreamIdle = 250 * time.Millisecond
	staleClients = 8
	// staleMargin is how far from that the uploads come, besides a round trip.
	staleMargin = 4 * time.Millisecond
)

// staleRace is how many uploads were lost that came when the upstream was about
// to close an idle connection.
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

func raceStale(o *options, contender distant, distance time.Duration, directory string) (staleRace, error) {
	race := staleRace{distance: distance, contender: contender.name}
	visitor, stop, err := startDistance(o, contender, upstreamKinds[0], distance, upstreamIdle, directory)
	if err != nil {
		return race, err
	}
	defer stop()
	for range 20 * o.rounds {
		// All at once, so that all connections have been idle for as long. By
		// then the last response has been on its way for half a round trip, and an
		// upload has as much before it.
		window := 2*staleMargin + distance
		time.Sleep(upstreamIdle - distance - staleMargin + rand.N(window))
		_, lost := visitor.volley(staleClients)
		race.lost += lost
		race.uploads += staleClients
	}
	return race, nil
}

// volley sends so many uploads at once. It returns how long those took that were
// taken, and how many were not.
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

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"iter"
	"math/rand/v2"
	"time"
)

// The pace of a storm: with some ten things that fail, two or three of them are down at a
// time, and each pair of them comes together within minutes.
const (
	shortestPause, longestPause   = 200 * time.Millisecond, 2 * time.Second
	shortestOutage, longestOutage = 500 * time.Millisecond, 5 * time.Second
)

// outage is one failure of a thing.
type outage struct {
	thing   string
	at      time.Duration // from the beginning of the storm
	length  time.Duration
	variant uint64 // by which the thing chooses among its ways to fail
}

// schedule yields the outages of a storm in the order in which they begin, without end. They
// depend on the seed and the things alone. No two outages of one thing overlap.
func schedule(seed uint64, things []string) iter.Seq[outage] {
	return func(yield func(outage) bool) {
		random := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // not a secret
		between := func(least, most time.Duration) time.Duration {
			return least + time.Duration(random.Int64N(int64(most-least)))
		}
		up := make(map[string]time.Duration) // since when each thing is up again
		for at := time.Duration(0); ; {
			at += between(shortestPause, longestPause)
			next := outage{things[random.IntN(len(things))], at, between(shortestOutage, longestOutage), random.Uint64()}
			if up[next.thing] >= at {
				continue
			}
			up[next.thing] = at + next.length
			if !yield(next) {
				return
			}
		}
	}
}

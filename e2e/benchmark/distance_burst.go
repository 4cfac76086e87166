// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"time"
)

// burst is how long small uploads took that came at the same time: first with one idle
// connection, and then again and again, with as many as the contender retains.
type burst struct {
	contender           string
	clients             int
	first, median, most time.Duration
}

const burstDistance = 50 * time.Millisecond

// measureBursts measures bursts of several sizes through each contender. Idle connections
// are a matter of bursts: each upload of one needs its own.
func measureBursts(o *options, directory string) (string, error) {
	var bursts []burst
	for _, contender := range distantContenders {
		// A connection that is kept ready serves the first upload of a burst alone.
		if contender.ready {
			continue
		}
		for _, clients := range []int{8, 32, 64, 128} {
			b, err := measureBurst(o, contender, clients, directory)
			if err != nil {
				return "", fmt.Errorf("%s: %w", contender.name, err)
			}
			fmt.Fprintf(os.Stderr, "%d at once, %s: first %s, median %s, most %s\n", clients, b.contender, b.first, b.median, b.most)
			bursts = append(bursts, b)
		}
	}
	return burstTable(bursts), nil
}

// measureBurst measures one contender with bursts of one size.
func measureBurst(o *options, contender distant, clients int, directory string) (burst, error) {
	visitor, stop, err := startDistance(o, contender, upstreamKinds[0], burstDistance, 0, directory)
	if err != nil {
		return burst{}, err
	}
	defer stop()
	if _, err := visitor.upload(newForm(smallFile), false); err != nil { // which makes the one connection
		return burst{}, visitor.explain(err)
	}
	var first, all []time.Duration
	for round := range 1 + o.rounds {
		took, lost := visitor.volley(clients)
		switch {
		// Nothing closes connections here, so a loss is a fault of the contender or of
		// the measurement.
		case lost > 0:
			return burst{}, fmt.Errorf("%d of %d uploads were not taken", lost, clients)
		case round == 0:
			first = took
		default:
			all = append(all, took...)
		}
	}
	return burst{contender.name, clients, within(first, 0.5), within(all, 0.5), within(all, 0.95)}, nil
}

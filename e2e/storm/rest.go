// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// stop ends the process gracefully; its metrics are taken just before.
func (g *gateway) stop(ending string) error {
	l := g.current.Load()
	if m, err := g.scrape(); err == nil {
		l.rests(m.outcomes, false)
	}
	return g.terminate(ending)
}

// drain has no further upload begin, waits for those under way, and compares what was counted.
func (g *gateway) drain() error {
	g.down.Store(true)
	for began := time.Now(); g.underWay.Load() > 0; time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > patience+exitTime {
			return fmt.Errorf("%s: %w: %d uploads", g.name, errUnderWay, g.underWay.Load())
		}
	}
	return g.rest()
}

// restTime bounds how much later than its client a gateway may know that an upload has ended.
const restTime = 30 * time.Second

var errUnderWay = errors.New("uploads do not end")

// rest waits until the gateway knows of no upload under way and metrics and log agree, and takes
// its metrics. They are compared later.
func (g *gateway) rest() error {
	l := g.current.Load()
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		m, err := g.scrape()
		if err != nil {
			return err
		}
		l.rests(m.outcomes, true)
		if m.inFlight == 0 && len(l.wrong()) == 0 {
			return nil
		}
		if time.Since(began) < restTime {
			continue
		}
		if m.inFlight > 0 {
			return fmt.Errorf("%s: %w: %d by the metrics", g.name, errUnderWay, m.inFlight)
		}
		return nil // what is wrong is found in the end
	}
}

// reload is `caddy reload`, with a Caddyfile that differs in nothing that matters.
func (g *gateway) reload() error {
	g.reloads++
	if err := os.WriteFile(g.path(), []byte(g.config(g.reloads).caddyfile()), 0o600); err != nil {
		return err
	}
	// Over HTTP/3 the connections of before last as long as the grace period.
	g.disturb(time.Now().Add(startTime))
	defer func() { g.disturbed.Store(time.Now().Add(gracePeriod + aftermath).UnixNano()) }()
	if output, err := exec.Command(g.binary, "reload", "--force", "--address", g.admin, "--config", g.path()).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %w\n%s", g.name, errNotReloaded, err, output)
	}
	return nil
}

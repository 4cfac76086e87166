// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

// visitor sends uploads through a contender that is running.
type visitor struct {
	*entrant
	speaks protocol
	trust  *tls.Config
}

// startDistance starts an upstream, a relay to it, and the contender at the near end of the
// relay. It returns a function that stops them.
func startDistance(o *options, contender distant, kind upstreamKind, distance, idle time.Duration, directory string) (*visitor, func(), error) {
	trust, err := loopback.ClientTLS(directory)
	if err != nil {
		return nil, nil, err
	}
	upstream, err := startDistantUpstream(kind, directory, idle)
	if err != nil {
		return nil, nil, err
	}
	relay, err := newRelay(upstream.address, distance)
	if err != nil {
		upstream.stop()
		return nil, nil, err
	}
	v := &visitor{entrant: &entrant{contender: contender.contender, address: relay.address()}, speaks: kind.protocol, trust: trust}
	stop := func() {
		if v.process != nil {
			v.process.stop()
		}
		relay.stop()
		upstream.stop()
	}
	if contender.start == nil {
		return v, stop, nil
	}
	// Clients of a proxy speak the same to all of them; kind is about the upstream.
	v.speaks = http1TLS
	err = v.begin(site{
		options: o, mode: mode{name: "distance", downstream: http1TLS, upstreamTLS: true},
		directory: filepath.Join(directory, contender.name), certificate: directory, sink: "https://" + relay.address(),
	})
	if err != nil {
		stop()
		return nil, nil, err
	}
	return v, stop, nil
}

// visit measures uploads of all sizes. Through a proxy, every other one follows another at
// once, and so finds a warm connection.
func (v *visitor) visit(o *options, kind upstreamKind) (timings []timing, err error) {
	for _, size := range []int64{0, smallFile, 5<<20 + 1} {
		report, err := v.upload(newForm(size), true)
		if err == nil {
			err = newForm(size).check(report, v.signs, v.forces)
		}
		if err != nil {
			return nil, v.explain(err)
		}
	}
	for _, size := range kind.sizes {
		took := map[state][]time.Duration{}
		for range o.rounds {
			states := []state{idle, warm}
			if v.process == nil {
				// A client without a proxy connects for each upload, as a page does that
				// uploads one file.
				states = []state{cold}
			}
			for _, state := range states {
				if state == idle {
					time.Sleep(idleness)
				}
				began := time.Now()
				if _, err := v.upload(newForm(size), false); err != nil {
					return nil, v.explain(err)
				}
				took[state] = append(took[state], time.Since(began))
			}
		}
		for _, state := range []state{cold, idle, warm} {
			if all := took[state]; len(all) > 0 {
				timings = append(timings, timing{size: size, contender: v.name, state: state, median: within(all, 0.5)})
			}
		}
	}
	return timings, nil
}

// upload sends a form over a connection of its own.
func (v *visitor) upload(form form, verify bool) (string, error) {
	client, err := newClient(v.speaks, v.address, v.trust)
	if err != nil {
		return "", err
	}
	defer client.close()
	return client.upload(form, verify)
}

// explain adds the output of the contender to an error.
func (v *visitor) explain(err error) error {
	if v.process == nil {
		return err
	}
	return errors.Join(err, errors.New(v.process.output.String()))
}

// within returns the time that the given part of all, from 0 to 1, does not exceed.
func within(all []time.Duration, part float64) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[int(part*float64(len(all)-1))]
}

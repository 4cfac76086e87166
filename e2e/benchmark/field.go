// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

// settle is the pause after a visit, so that what a process still has to do (collecting
// garbage, say) does not count for the next.
const settle = 50 * time.Millisecond

// field is all that runs in one mode.
type field struct {
	mode
	contenders []*entrant
	sink       *process
	config     *tls.Config // for clients
}

// entrant is a contender that is running.
type entrant struct {
	contender
	address string
	process *process // nil for none
}

// newField starts the sink and all contenders of a mode.
func newField(o *options, mode mode, directory string) (*field, error) {
	certificate := filepath.Join(directory, "certificate")
	if err := os.MkdirAll(certificate, 0o700); err != nil {
		return nil, err
	}
	if err := loopback.MakeCertificate(certificate); err != nil {
		return nil, err
	}
	config, err := loopback.ClientTLS(certificate)
	if err != nil {
		return nil, err
	}
	f := &field{mode: mode, config: config}
	plain, secure, err := f.startSink(certificate)
	if err != nil {
		return nil, err
	}
	upstream, direct := "http://"+plain, plain
	if mode.upstreamTLS {
		upstream = "https://" + secure
	}
	if mode.downstream != http1 {
		direct = secure
	}
	for _, contender := range slices.Concat(contenders, o.also) {
		if !contender.enters(o, mode) {
			continue
		}
		// The others can still be measured, on a machine without nginx.
		if contender.missing != nil && contender.missing() != "" {
			fmt.Fprintf(os.Stderr, "%s: left out: %s\n", contender.name, contender.missing())
			continue
		}
		e := &entrant{contender: contender, address: direct}
		if contender.start != nil {
			err = e.begin(site{options: o, mode: mode, directory: filepath.Join(directory, contender.name), certificate: certificate, sink: upstream})
		}
		if err != nil {
			f.stop()
			return nil, fmt.Errorf("%s: %w", contender.name, err)
		}
		f.contenders = append(f.contenders, e)
	}
	return f, nil
}

// startSink starts the upstream as a process of its own, so that what it uses is not counted
// with the clients. It returns the addresses without and with TLS.
func (f *field) startSink(certificate string) (plain, secure string, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", "", err
	}
	plain, err = freeAddress("127.0.0.1")
	if err != nil {
		return "", "", err
	}
	secure, err = freeAddress("localhost")
	if err != nil {
		return "", "", err
	}
	command := exec.Command(self, "sink", "-plain", plain, "-secure", secure, "-certificate", certificate)
	f.sink, err = startProcess(command, plain, secure)
	return plain, secure, err
}

// freeAddress returns an address of this machine on which nothing listens.
func freeAddress(host string) (string, error) {
	port, err := loopback.FreePort()
	return net.JoinHostPort(host, port), err
}

// begin starts the contender's process, and waits until it listens.
func (e *entrant) begin(s site) error {
	if err := os.MkdirAll(s.directory, 0o700); err != nil {
		return err
	}
	// With TLS a name, since clients send none in the handshake for an address (RFC 6066,
	// section 3).
	host := "127.0.0.1"
	if s.downstream != http1 {
		host = "localhost"
	}
	var err error
	if e.address, err = freeAddress(host); err != nil {
		return err
	}
	s.address = e.address
	command, err := e.start(s)
	if err != nil {
		return err
	}
	e.process, err = startProcess(command, e.address)
	return err
}

// stop stops all processes.
func (f *field) stop() {
	for _, e := range f.contenders {
		if e.process != nil {
			e.process.stop()
		}
	}
	f.sink.stop()
}

// verify sends one upload and compares what arrived: a proxy that loses bytes must not win.
func (f *field) verify(e *entrant, size int64) error {
	client, err := newClient(f.downstream, e.address, f.config)
	if err != nil {
		return err
	}
	defer client.close()
	form := newForm(size)
	report, err := client.upload(form, true)
	if err != nil {
		return f.explain(e, err)
	}
	return form.check(report, e.signs, e.forces)
}

// explain adds the output of the processes to an error.
func (f *field) explain(e *entrant, err error) error {
	if e.process != nil {
		err = fmt.Errorf("%w\n%s", err, e.process.output)
	}
	return fmt.Errorf("%w\n%s", err, f.sink.output)
}

// selects reports whether a case is measured: all of them, or the two that show
// most where TLS takes much of the time anyway.
func (f *field) selects(o *options, uploads uploads) bool {
	if len(o.cases) == 0 && f.upstreamTLS {
		return uploads.name == "1GiB" || uploads.name == "20KiB"
	}
	return selected(o.cases, uploads.name)
}

// visit measures a contender in one case: each client sends one upload after another until
// the time is over.
func (f *field) visit(e *entrant, uploads uploads, duration time.Duration) (sample, error) {
	clients := make([]client, uploads.clients)
	for i := range clients {
		client, err := newClient(f.downstream, e.address, f.config)
		if err != nil {
			return sample{}, err
		}
		defer client.close()
		clients[i] = client
	}
	// One client connects once in a visit of seconds, which does not show.
	if uploads.clients > 1 { // connections have been made when the clock starts
		if _, err := f.race(e, clients, newForm(0), 0); err != nil {
			return sample{}, err
		}
	}
	time.Sleep(settle)
	// After the pause, or what the connections cost would count.
	watch, err := newWatch(e, f.sink)
	if err != nil {
		return sample{}, err
	}
	latencies, err := f.race(e, clients, newForm(uploads.size), duration)
	if err != nil {
		return sample{}, err
	}
	watch.lap()
	time.Sleep(settle)
	slices.Sort(latencies)
	// The nearest ranks: of a few uploads of 1 GiB, P99 is the slowest.
	s := sample{
		Mode: f.name, Case: uploads.name, Contender: e.name,
		Requests: len(latencies), Bytes: uploads.size * int64(len(latencies)),
		P50: latencies[len(latencies)/2], P99: latencies[len(latencies)*99/100],
		Slowest: float64(latencies[len(latencies)-1]) / float64(latencies[0]),
	}
	return s, watch.stop(&s)
}

// race runs all clients at the same time, and returns how long each upload took. Each client
// sends at least one.
func (f *field) race(e *entrant, clients []client, form form, duration time.Duration) ([]time.Duration, error) {
	var running sync.WaitGroup
	latencies, failures := make([][]time.Duration, len(clients)), make([]error, len(clients))
	began := time.Now()
	for i, client := range clients {
		running.Go(func() {
			for last := began; ; {
				if _, err := client.upload(form, false); err != nil {
					failures[i] = err
					return
				}
				now := time.Now()
				latencies[i] = append(latencies[i], now.Sub(last))
				last = now
				// Checked after an upload, so that each counts as a whole: one of 1 GiB
				// may take longer than the visit.
				if now.Sub(began) >= duration {
					return
				}
			}
		})
	}
	running.Wait()
	if err := errors.Join(failures...); err != nil {
		return nil, f.explain(e, err)
	}
	return slices.Concat(latencies...), nil
}

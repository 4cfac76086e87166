// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

// What is uploaded over HTTP/2 to an upstream that is slow. What clients then send waits in
// the proxy, as much as its windows allow.
const (
	slowConnections = 64
	slowStreams     = 4
	slowFile        = 16 << 20
	slowRate        = 64 << 10 // bytes per second that the upstream reads of an upload
	slowTime        = 12 * time.Second
)

// memoryWithSlowUpstream prints the table of uploads over HTTP/2 to a slow upstream, by the
// contenders that are Caddy.
func (o *options) memoryWithSlowUpstream(mode mode, directory string) error {
	fmt.Printf("### HTTP/2, to an upstream that reads %d KiB/s of each upload\n\n%d connections with %d uploads each. The resident set in MB:\n\n| | idle | median | peak |\n|---|---|---|---|\n",
		slowRate>>10, slowConnections, slowStreams)
	if err := loopback.MakeCertificate(directory); err != nil {
		return err
	}
	for _, contender := range clientContenders[:2] {
		var growths []growth
		for range o.rounds {
			g, err := o.growWithSlowUpstream(contender, mode, directory)
			if err != nil {
				return fmt.Errorf("%s: %w", contender.name, err)
			}
			growths = append(growths, g)
		}
		idle := func(g growth) int64 { return g.idle }
		fmt.Printf("| `%s` | %d | %d | %d |\n", contender.name, medianOf(growths, idle)/1e6,
			medianOf(growths, func(g growth) int64 { return g.idle + g.median })/1e6,
			medianOf(growths, func(g growth) int64 { return g.idle + g.peak })/1e6)
	}
	return nil
}

// growWithSlowUpstream measures one contender once.
func (o *options) growWithSlowUpstream(contender contender, mode mode, directory string) (growth, error) {
	upstream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return growth{}, err
	}
	defer func() { _ = upstream.Close() }()
	go readSlowly(upstream)
	e := &entrant{contender: contender}
	mode.upstreamTLS = false
	if err := e.begin(site{
		options: o, mode: mode, directory: filepath.Join(directory, contender.name), certificate: directory, sink: "http://" + upstream.Addr().String(),
	}); err != nil {
		return growth{}, err
	}
	defer e.process.stop()
	trust, err := loopback.ClientTLS(directory)
	if err != nil {
		return growth{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), slowTime)
	defer cancel()
	return e.growth(func() error {
		var running sync.WaitGroup
		failures := make(chan error, slowConnections*slowStreams)
		for range slowConnections {
			only := new(http.Protocols)
			only.SetHTTP2(true)
			// Several uploads of a browser go over one connection.
			transport := &http.Transport{TLSClientConfig: trust.Clone(), Protocols: only, MaxConnsPerHost: 1}
			defer transport.CloseIdleConnections()
			for range slowStreams {
				running.Go(func() {
					form := newForm(slowFile)
					request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+e.address+"/base/", form.body())
					if err != nil {
						failures <- err
						return
					}
					request.ContentLength = form.length()
					request.Header.Set("Content-Type", form.contentType())
					response, err := transport.RoundTrip(request)
					switch {
					case err == nil:
						_ = response.Body.Close()
						failures <- fmt.Errorf("it was not slow: %s", response.Status)
					case !errors.Is(err, context.DeadlineExceeded):
						failures <- err
					}
				})
			}
		}
		running.Wait()
		close(failures)
		return errors.Join(<-failures)
	})
}

// readSlowly reads slowRate of each connection, without a response.
func readSlowly(listener net.Listener) {
	const pause = 100 * time.Millisecond
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		_ = connection.(*net.TCPConn).SetReadBuffer(slowRate)
		go func() {
			defer func() { _ = connection.Close() }()
			buffer := make([]byte, slowRate*pause/time.Second)
			for {
				if _, err := connection.Read(buffer); err != nil {
					return
				}
				time.Sleep(pause)
			}
		}()
	}
}

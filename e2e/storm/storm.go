// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

// storm is all that takes part in one.
type storm struct {
	options
	directory string
	trust     *tls.Config
	upstream  *upstream
	resolver  *resolver
	service   *http.Server // the resolver's
	names     *names
	redis     *loopback.Redis
	redisUp   availability
	disk      *disk
	gateways  []*gateway
	outages   *outages

	next   atomic.Int64                 // upload
	ledger []sent                       // by the upload's id
	shared atomic.Pointer[[]transports] // that several clients use now
	begin  time.Time
	commit string
	stats  stats
}

// newStorm starts all that takes part. What has been started is to be stopped in any case.
func newStorm(o options, directory string) (*storm, error) {
	s := &storm{options: o, directory: directory, ledger: make([]sent, o.uploads), resolver: new(resolver), stats: newStats()}
	if err := loopback.MakeCertificate(directory, upstreamName); err != nil {
		return s, err
	}
	var err error
	if s.trust, err = loopback.ClientTLS(directory); err != nil {
		return s, err
	}
	for _, start := range []func() error{s.startUpstream, s.startResolver, s.startNames, s.startRedis, s.startDisk, s.startGateways} {
		if err := start(); err != nil {
			return s, err
		}
	}
	all, err := s.chosen()
	s.outages = newOutages(all)
	return s, err
}

func (s *storm) startUpstream() error {
	config, err := loopback.ServerTLS(s.directory)
	if err != nil {
		return err
	}
	if s.upstream, err = newUpstream(config); err != nil {
		return err
	}
	return s.upstream.start()
}

func (s *storm) startResolver() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.service = &http.Server{Addr: listener.Addr().String(), Handler: s.resolver, ErrorLog: silentLog}
	go func() { _ = s.service.Serve(listener) }()
	return nil
}

func (s *storm) startNames() (err error) {
	s.names, err = newNames()
	return err
}

func (s *storm) startRedis() (err error) {
	if s.redis, err = loopback.NewRedis(s.directory); err != nil {
		return err
	}
	return s.redis.Start()
}

func (s *storm) startDisk() (err error) {
	s.disk, err = newDisk(s.directory)
	return err
}

// startGateways starts three. The first lives through the whole storm, so that what it holds
// can be compared with what it held; it shares with the second through Redis. The third has
// the disk.
func (s *storm) startGateways() error {
	secret := filepath.Join(s.directory, "secret")
	if err := os.WriteFile(secret, []byte(firstKey), 0o600); err != nil {
		return err
	}
	inRedis := fmt.Sprintf("redis {\n\t\thost 127.0.0.1\n\t\tport %s\n\t}", s.redis.Port)
	for _, name := range []string{"a", "b", "c"} {
		g, err := newGateway(name, s.caddy, s.directory)
		if err != nil {
			return err
		}
		g.storage = &s.redisUp
		g.config = func(reload int) *config { return s.configOf(g, inRedis, secret, reload) }
		if name == "c" {
			g.storage = &s.disk.usable
			g.config = func(reload int) *config { return s.configOf(g, "file_system "+s.disk.directory, s.disk.secret, reload) }
		}
		at := len(s.gateways)
		g.gone = func() { s.reconnect(at) }
		s.gateways = append(s.gateways, g)
		if err := g.start(); err != nil {
			return err
		}
	}
	return nil
}

// things are what fails. The map's keys are what the report calls them.
func (s *storm) things() map[string]thing {
	return map[string]thing{
		"upstream":    &upstreamThing{s.upstream},
		"resolver":    &resolverThing{s.resolver},
		"redis":       &redisThing{Redis: s.redis, usable: &s.redisUp},
		"name server": &namesThing{s.names},
		"disk":        s.disk,
		"clock":       &toggle{"is ten minutes behind", s.upstream.clockOff.Store},
		"secret key":  &toggle{"is another", s.upstream.secondKey.Store},
		"gateway b":   &ender{s.gateways[1]},
		"gateway c":   &ender{s.gateways[2]},
		"reload of":   &reloader{s.gateways},
	}
}

var errThing = errors.New("no such thing")

// chosen returns the things that are to fail.
func (s *storm) chosen() (map[string]thing, error) {
	all := s.things()
	if s.options.things == "" {
		return all, nil
	}
	chosen := make(map[string]thing)
	for name := range strings.SplitSeq(s.options.things, ",") {
		if all[name] == nil {
			return nil, fmt.Errorf("%w: %q", errThing, name)
		}
		chosen[name] = all[name]
	}
	return chosen, nil
}

// stop ends all that was started.
func (s *storm) stop() {
	for _, g := range s.gateways {
		g.abandon()
	}
	if s.redis != nil {
		s.redis.Kill()
	}
	if s.names != nil {
		_ = s.names.stop()
	}
	if s.service != nil {
		_ = s.service.Close()
	}
	if s.upstream != nil {
		s.upstream.die()
	}
	if s.disk != nil {
		if err := s.disk.remove(); err != nil {
			fmt.Fprintln(os.Stderr, "storm: the disk cannot be unmounted:", err)
		}
	}
}

// reconnect has clients give up what connections they have over QUIC to a gateway.
func (s *storm) reconnect(at int) {
	if shared := s.shared.Load(); shared != nil {
		for _, over := range *shared {
			over[http3][at].(*quicTransport).renew()
		}
	}
}

// upload sends uploads from all clients until there are no more of them, or the context ends.
func (s *storm) upload(ctx context.Context, until int64) {
	var working sync.WaitGroup
	var shared []transports
	for range (s.workers + sharers - 1) / sharers {
		shared = append(shared, newTransports(len(s.gateways), s.trust, http2, http3))
	}
	s.shared.Store(&shared)
	for i := range s.workers {
		own := newTransports(len(s.gateways), s.trust, http1, http1TLS)
		over := shared[i/sharers]
		working.Go(func() {
			defer own.close()
			for ctx.Err() == nil {
				id := s.next.Add(1) - 1
				if id >= until {
					s.next.Add(-1)
					return
				}
				s.one(int(id), own, over)
			}
		})
	}
	working.Wait()
	s.shared.Store(new([]transports))
	for _, over := range shared {
		over.close()
	}
}

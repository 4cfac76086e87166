// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// lookupLimit bounds how long a name server is waited for. Go asks a silent one again, for each
// domain of resolv.conf.
const lookupLimit = 5 * time.Second

// machineResolver looks names up as this machine does. Tests replace it, and not Go's default,
// which goroutines of a lookup that was given up may still read.
var machineResolver = net.DefaultResolver

// looked is what a name server has said of a name.
type looked struct {
	server    string // as it is configured; empty for this machine's own
	addresses []netip.Addr
	err       error
}

// lookUp looks a name up as the proxy's transport does: by the name servers of its option
// `resolvers`, or as this machine does if it has none. It asks each of them, for the transport
// picks one for each question.
func lookUp(ctx context.Context, servers []string, host string) []looked {
	ctx, cancel := context.WithTimeout(ctx, lookupLimit)
	defer cancel()
	if len(servers) == 0 {
		addresses, err := machineResolver.LookupNetIP(ctx, "ip", host)
		return []looked{{"", addresses, err}}
	}
	all := make([]looked, len(servers))
	var asking sync.WaitGroup
	for i, server := range servers {
		asking.Go(func() {
			resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				address, err := caddy.ParseNetworkAddressWithDefaults(server, "udp", 53)
				if err != nil {
					return nil, err
				}
				return new(net.Dialer).DialContext(ctx, address.Network, address.JoinHostPort(0))
			}}
			addresses, err := resolver.LookupNetIP(ctx, "ip", host)
			all[i] = looked{server, addresses, err}
		})
	}
	asking.Wait()
	return all
}

// withoutServer returns the error of a lookup without the server in its text: Go names the one
// of resolv.conf, whichever was asked.
func withoutServer(err error) error {
	if failed, ok := errors.AsType[*net.DNSError](err); ok {
		return errors.New(failed.Err)
	}
	return err
}

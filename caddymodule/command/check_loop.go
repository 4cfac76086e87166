// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

const loopRemedy = "give the gateway the service's real address: resolve its name past the DNS that leads clients here, with `resolvers` in the transport, or name the address in `upstream`"

// checkLoop looks whether an upstream's address is this machine's own, on a port on which
// the site listens. DNS often leads clients here by the service's own name; if the gateway
// asks the same DNS, it sends their uploads to itself.
func checkLoop(ctx context.Context, s *site) finding {
	f := finding{"loop", s.name(), ok, "no upstream's address is this site's own", ""}
	for _, one := range s.upstream().Upstreams {
		host, port, err := net.SplitHostPort(one.Dial)
		if err != nil || strings.Contains(one.Dial, "{") || !s.listensOn(port) {
			continue
		}
		addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			continue // the check `upstream` reports a name that does not resolve
		}
		for _, address := range addresses {
			if !isOwn(address.Unmap()) {
				continue
			}
			text := fmt.Sprintf("the upstream %s is this machine (%s), on a port on which the site listens", one.Dial, address.Unmap())
			// Several sites can share a port, which differ in the host that requests have: a
			// sandbox beside the gateway is no loop.
			if hosts := s.hosts(); len(hosts) > 0 && !slices.Contains(hosts, host) {
				return finding{"loop", s.name(), warning, text + "; another site may be meant, since this one has another name", "make sure that the Caddy here has a site for " + host + " that is no gateway"}
			}
			return finding{"loop", s.name(), failed, text + ": uploads would come back here", loopRemedy}
		}
	}
	return f
}

// listensOn reports whether the site listens on a port.
func (s *site) listensOn(port string) bool {
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(s.listen, func(listen string) bool {
		address, err := caddy.ParseNetworkAddress(listen)
		return err == nil && uint(number) >= address.StartPort && uint(number) <= address.EndPort
	})
}

// isOwn reports whether an address is one of this machine's, of any interface. An address
// that is translated on the way (NAT) is not seen.
func isOwn(address netip.Addr) bool {
	if address.IsLoopback() || address.IsUnspecified() {
		return true
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(own, func(one net.Addr) bool {
		network, ok := one.(*net.IPNet)
		return ok && network.IP.Equal(address.AsSlice())
	})
}

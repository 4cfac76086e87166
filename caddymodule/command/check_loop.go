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

// loopRemedy returns what to do about uploads that come back here.
func loopRemedy(to upstream) string {
	if servers := to.Transport.Resolver.Addresses; len(servers) > 0 {
		return "give the gateway the service's real address: " + strings.Join(servers, " and ") + " in `resolvers` must be name servers that do not lead to this machine, with no line for the name in its hosts file, which is read first; or name the address in `upstream`"
	}
	return "give the gateway the service's real address: resolve its name past the DNS that leads clients here, with `resolvers` in the transport, or name the address in `upstream`"
}

// checkLoop looks whether an upstream's address is this machine's own, on a port on which
// the site listens. DNS often leads clients here by the service's own name; if the gateway
// asks the same DNS, it sends their uploads to itself.
func checkLoop(ctx context.Context, s *site) finding {
	to := s.upstream()
	f := finding{"loop", s.name(), ok, "no upstream's address is this site's own", ""}
	if len(to.Upstreams) == 0 {
		f.Text = "not looked at: the upstreams are found when a request comes"
	}
	for _, one := range to.Upstreams {
		host, port, err := net.SplitHostPort(one.Dial)
		if err != nil || strings.Contains(one.Dial, "{") || !s.listensOn(port) {
			continue
		}
		for _, found := range lookUp(ctx, to.Transport.Resolver.Addresses, host) {
			own := slices.IndexFunc(found.addresses, func(address netip.Addr) bool { return isOwn(address.Unmap()) })
			switch {
			case own >= 0:
				return judgeLoop(s, to, one.Dial, host, found.addresses[own].Unmap())
			case found.err != nil:
				f.Text = fmt.Sprintf("not known of %s, which could not be looked up: the check `upstream` has the cause", host)
				// Each connection asks one of them at random: the others do not stand in.
				if found.server != "" {
					f.Verdict, f.Text = warning, fmt.Sprintf("not known of %s: the name server %s, of `resolvers`, does not find it: %v", host, found.server, withoutServer(found.err))
					f.Remedy = "name only name servers in `resolvers` that this machine can ask, and that know the service"
				}
			}
		}
	}
	return f
}

// judgeLoop returns the finding on an upstream whose address is this machine's own.
func judgeLoop(s *site, to upstream, dial, host string, address netip.Addr) finding {
	text := fmt.Sprintf("the upstream %s is this machine (%s), on a port on which the site listens", dial, address)
	// Several sites can share a port, which differ in the host that requests have: a
	// sandbox beside the gateway is no loop.
	if hosts := s.hosts(); len(hosts) > 0 && !slices.Contains(hosts, host) {
		return finding{"loop", s.name(), warning, text + "; another site may be meant, since this one has another name", "make sure that the Caddy here has a site for " + host + " that is no gateway"}
	}
	return finding{"loop", s.name(), failed, text + ": uploads would come back here", loopRemedy(to)}
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

// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

const (
	// lookupTimeout bounds the search for a source's address.
	lookupTimeout = 5 * time.Second
	// maxHostLength is DNS's.
	maxHostLength = 253
)

// specialNetworks are those that netip does not know to be out of the public's reach.
var specialNetworks = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"),
}

// reach is what a fetch may connect to: public addresses and the sandbox.
type reach struct {
	private bool           // everything else, too
	self    netip.AddrPort // where the request arrived
	public  string         // host:port of the sandbox's public URL
}

// reachOf returns what a fetch may reach that the request asks for.
func (h *Handler) reachOf(r *http.Request) reach {
	allowed := reach{private: h.AllowPrivateSources}
	if address, ok := localAddress(r); ok {
		allowed.self, _ = netip.ParseAddrPort(address.String())
	}
	if parsed, err := url.Parse(h.publicURL); err == nil && parsed.Host != "" {
		allowed.public = hostPort(parsed)
	}
	return allowed
}

// address reports whether a fetch may connect to an address. The sandbox's port
// on loopback is the sandbox, too, at whatever address the request came in.
func (a reach) address(to netip.AddrPort) bool {
	ip, self := to.Addr().Unmap(), a.self.Addr().Unmap()
	isSelf := a.self.IsValid() && to.Port() == a.self.Port() && (ip == self || ip.IsLoopback())
	return a.private || isSelf || isPublic(ip)
}

func isPublic(ip netip.Addr) bool {
	special := slices.ContainsFunc(specialNetworks, func(network netip.Prefix) bool { return network.Contains(ip) })
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !special
}

// check judges a source before it is fetched. What a name stands for may change
// until then, so dial judges once more.
func (a reach) check(ctx context.Context, source *url.URL) *uploadapi.Error {
	if hostPort(source) == a.public {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", source.Hostname())
	if err != nil || len(addresses) == 0 {
		return uploadapi.ErrHostnameNotFound
	}
	_, port, _ := net.SplitHostPort(hostPort(source))
	number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return uploadapi.ErrURLParsingFailed
	}
	for _, ip := range addresses {
		if a.address(netip.AddrPortFrom(ip, uint16(number))) { //nolint:gosec // LookupPort returns a port
			return nil
		}
	}
	return uploadapi.ErrURLHostPrivate
}

// dial connects to a source, or refuses where the address is out of reach.
func (a reach) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if address != a.public {
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil || !a.address(to) {
				return uploadapi.ErrURLHostPrivate
			}
			return nil
		}
	}
	return dialer.DialContext(ctx, network, address)
}

// parseSource reads a URL that can be fetched.
func parseSource(text string) (*url.URL, *uploadapi.Error) {
	source, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, uploadapi.ErrURLParsingFailed
	case source.Scheme == "":
		return nil, uploadapi.ErrURLSchemeRequired
	case source.Scheme != "http" && source.Scheme != "https":
		return nil, uploadapi.ErrURLSchemeInvalid
	case source.Hostname() == "":
		return nil, uploadapi.ErrURLHostRequired
	case isMalformed(source.Hostname()):
		return nil, uploadapi.ErrURLHostMalformed
	}
	return source, nil
}

func isMalformed(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	return len(host) > maxHostLength || strings.HasPrefix(host, ".") || strings.Contains(host, "..") ||
		strings.ContainsAny(host, " !\"$%&'()*+,/:;<=>?@[\\]^`{|}~")
}

// hostPort returns the host and the port that the URL means.
func hostPort(source *url.URL) string {
	port := source.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[source.Scheme]
	}
	return net.JoinHostPort(source.Hostname(), port)
}

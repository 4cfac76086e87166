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
	// lookupTimeout bounds the DNS lookup of a source's host.
	// The client waits for it, unlike for the fetch.
	lookupTimeout = 5 * time.Second
	// maxHostLength is the length of the longest name in DNS (RFC 1035, section 2.3.4).
	maxHostLength = 253
)

// specialNetworks are the networks of IANA's special-purpose registries (RFC 6890) that
// netip's methods do not recognise: they are not public, or lead to addresses that are not
// (NAT64, 6to4).
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

// reach is what a fetch may connect to: public addresses and the sandbox itself. Otherwise
// anyone who may upload could read from the network behind the sandbox (SSRF).
type reach struct {
	private bool           // everything else, too
	self    netip.AddrPort // the address at which the request arrived
	public  string         // host:port of the sandbox's public URL
}

// newReach returns what a fetch may connect to that the request asks for.
func (h *Handler) newReach(r *http.Request) reach {
	allowed := reach{private: h.AllowPrivateSources}
	if address, ok := localAddress(r); ok {
		allowed.self, _ = netip.ParseAddrPort(address.String())
	}
	if parsed, err := url.Parse(h.publicURL); err == nil && parsed.Host != "" {
		allowed.public = hostPort(parsed)
	}
	return allowed
}

// address reports whether a fetch may connect to an address. The sandbox's port on loopback
// counts as the sandbox, whatever address the request arrived at.
func (a reach) address(to netip.AddrPort) bool {
	ip, self := to.Addr().Unmap(), a.self.Addr().Unmap()
	isSelf := a.self.IsValid() && to.Port() == a.self.Port() && (ip == self || ip.IsLoopback())
	return a.private || isSelf || isPublic(ip)
}

// isPublic reports whether an address can be reached from the Internet.
func isPublic(ip netip.Addr) bool {
	special := slices.ContainsFunc(specialNetworks, func(network netip.Prefix) bool { return network.Contains(ip) })
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !special
}

// check checks a source when it is requested, so that the client gets a refusal and not a
// failed fetch. Its name may have another address by the time of the fetch (DNS rebinding),
// so dial checks again.
func (a reach) check(ctx context.Context, source *url.URL) *uploadapi.Error {
	if hostPort(source) == a.public { // the sandbox itself, which may have no name in DNS
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
	for _, ip := range addresses { // one is enough: dial tries all that are allowed
		if a.address(netip.AddrPortFrom(ip, uint16(number))) { //nolint:gosec // LookupPort returns a port
			return nil
		}
	}
	return uploadapi.ErrURLHostPrivate
}

// dial connects to a source. It checks the address after the name has been resolved, and for
// each redirect.
func (a reach) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	// The public URL may lead to a private address: that of a container, say.
	if address != a.public {
		// Control is called with the address that the name has been resolved to.
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

// parseSource parses the URL of a source, with the service's errors for each mistake.
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

// isMalformed reports whether a host can be neither an address nor a name.
func isMalformed(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	return len(host) > maxHostLength || strings.HasPrefix(host, ".") || strings.Contains(host, "..") ||
		strings.ContainsAny(host, " !\"$%&'()*+,/:;<=>?@[\\]^`{|}~")
}

// hostPort returns the host and port of a URL, with the scheme's default port.
func hostPort(source *url.URL) string {
	port := source.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[source.Scheme]
	}
	return net.JoinHostPort(source.Hostname(), port)
}

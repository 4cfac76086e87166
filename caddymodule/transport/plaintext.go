// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/loopback"
)

// InsecureOption is the name, in the Caddyfile and in JSON, of the option that allows what
// [CheckUpstreams] does not.
const InsecureOption = "insecure_http"

// errPlaintext is the reason of an error about an upstream. Its remedy is what Caddy's
// users would not guess: an address without a scheme is one without TLS.
var errPlaintext = errors.New("signatures and files would go there without TLS, for the network to read: " +
	"write https:// before the host, or tls in the transport, or " + InsecureOption + " if it is meant; without it, only hosts on loopback, such as localhost, and Unix sockets do without TLS")

// CheckUpstreams returns an error if a proxy would send uploads to another machine without
// TLS, or if that depends on the request. If insecure, that is no error but reported. It is
// about the proxy's configuration as it is loaded, and the transport that it has.
func CheckUpstreams(proxy *reverseproxy.Handler, transport http.RoundTripper, insecure bool) (plaintext bool, err error) {
	for _, upstream := range proxy.Upstreams {
		dial, err := resolveDial(upstream.Dial)
		switch {
		case err != nil:
			return false, err
		case isSafe(dial, transport):
		case !insecure:
			return true, fmt.Errorf("upstream %s: %w", upstream.Dial, errPlaintext)
		default:
			plaintext = true
		}
	}
	dynamic := proxy.DynamicUpstreamsRaw != nil || proxy.DynamicUpstreams != nil
	if secure, exceptPorts := hasTLS(transport); dynamic && (!secure || len(exceptPorts) > 0) {
		if !insecure {
			return true, fmt.Errorf("dynamic upstreams: %w", errPlaintext)
		}
		plaintext = true
	}
	return plaintext, nil
}

// isSafe reports whether an address can be dialled without the network reading along.
func isSafe(dial string, transport http.RoundTripper) bool {
	secure, exceptPorts := hasTLS(transport)
	if secure && len(exceptPorts) == 0 {
		return true
	}
	address, err := caddy.ParseNetworkAddress(dial)
	if err != nil || strings.Contains(dial, "{") {
		return false // known only when a request comes
	}
	if secure && !coversAny(address, exceptPorts) {
		return true
	}
	// An address without a host is this machine's to net.Dial.
	return address.IsUnixNetwork() || address.Host == "" || loopback.IsHost(address.Host)
}

// hasTLS reports whether a transport uses TLS, and the ports to which it does not
// nevertheless.
func hasTLS(transport http.RoundTripper) (secure bool, exceptPorts []string) {
	capable, ok := transport.(reverseproxy.TLSTransport)
	if !ok || !capable.TLSEnabled() {
		return false, nil
	}
	switch transport := transport.(type) {
	case *reverseproxy.HTTPTransport:
		return true, transport.TLS.ExceptPorts
	case *Transport:
		return true, transport.TLS.ExceptPorts
	}
	return true, nil
}

// coversAny reports whether an address has one of the ports.
func coversAny(address caddy.NetworkAddress, ports []string) bool {
	return slices.ContainsFunc(ports, func(text string) bool {
		port, err := strconv.ParseUint(text, 10, 16)
		return err == nil && uint(port) >= address.StartPort && uint(port) <= address.EndPort
	})
}

// variable matches a placeholder of the environment, whose value does not depend on the
// request, although Caddy replaces it with each.
var variable = regexp.MustCompile(`\{env\.[^{}]+\}`)

// resolveDial replaces the environment's placeholders in the address of an upstream.
// Caddy parses the address before that, so their values cannot have a scheme: the upload
// would fail as one to an unknown network.
func resolveDial(dial string) (string, error) {
	replacer := caddy.NewReplacer()
	for _, placeholder := range variable.FindAllString(dial, -1) {
		name := strings.Trim(placeholder, "{}")
		switch value, _ := replacer.GetString(name); {
		case value == "":
			return "", fmt.Errorf("upstream %s: %s is not set or empty", dial, placeholder)
		case strings.Contains(value, "://"):
			return "", fmt.Errorf("upstream %s: the value has a scheme, with which it is no address to dial: write {$%s} in the Caddyfile, which is replaced before it is read",
				dial, strings.TrimPrefix(name, "env."))
		default:
			dial = strings.ReplaceAll(dial, placeholder, value)
		}
	}
	return dial, nil
}

// checkParent checks the upstreams of the proxy that the transport is loaded for, if that
// is Caddy's own. uploadcare_proxy checks its upstreams itself, whatever its transport is.
func (t *Transport) checkParent(ctx caddy.Context) error {
	modules := ctx.Modules()
	if len(modules) < 2 { // the last one is the transport itself
		return nil
	}
	proxy, ok := modules[len(modules)-2].(*reverseproxy.Handler)
	if !ok {
		return nil
	}
	_, err := CheckUpstreams(proxy, t, t.InsecureHTTP)
	return err
}

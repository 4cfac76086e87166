// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// upstreamHostOption is the subdirective that sets [Transport.UpstreamHost].
const upstreamHostOption = "upstream_host"

// UnmarshalCaddyfile sets up the transport from Caddyfile tokens. Syntax:
//
//	transport uploadcare {
//		upstream_host
//		insecure_http
//		<option of transport http...>
//	}
func (t *Transport) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume transport name
	name := d.Token()
	if d.NextArg() {
		return d.ArgErr()
	}
	brace := name
	brace.Text = "{"
	others := caddyfile.Segment{name, brace}
	for d.NextBlock(0) {
		option := d.NextSegment()
		switch option[0].Text {
		case upstreamHostOption:
			t.UpstreamHost = true
		case InsecureOption:
			t.InsecureHTTP = true
		default:
			others = append(others, option...)
			continue
		}
		if len(option) > 1 {
			return d.ArgErr()
		}
	}
	// The brace must be on a line of its own, which the dispenser tells by file and line.
	others = append(others, caddyfile.Token{File: moduleName + " defaults: end", Line: 1, Text: "}"})
	return t.HTTPTransport.UnmarshalCaddyfile(caddyfile.NewDispenser(others))
}

// RequestHeaderOps implements [reverseproxy.RequestHeaderOpsTransport]. Caddy's transport
// returns an operation that sets Host over TLS. With UpstreamHost it is not needed, and
// without operations the proxy does not copy the request's headers once more.
func (t *Transport) RequestHeaderOps() *headers.HeaderOps {
	if t.UpstreamHost {
		return nil
	}
	return t.HTTPTransport.RequestHeaderOps()
}

// setHost sets a request's Host to the upstream's name. Active health checks keep the
// host that their own options set; they are recognised by having no variables.
func (t *Transport) setHost(r *http.Request) {
	if !t.UpstreamHost {
		return
	}
	if upstream, ok := reverseproxy.GetDialInfo(r.Context()); ok && r.Context().Value(caddyhttp.VarsCtxKey) != nil {
		r.Host = HostHeader(upstream, r.Host)
	}
}

// HostHeader returns the Host for requests to an upstream: its host, as a header spells it,
// with brackets around an IPv6 address and without a zone of this machine's (RFC 9110,
// section 7.2; RFC 6874, section 4). A Unix socket has no host: own stays.
func HostHeader(upstream reverseproxy.DialInfo, own string) string {
	host := upstream.Host
	switch {
	case host == "" || caddy.IsUnixNetwork(upstream.Network):
		return own
	case strings.Contains(host, ":"):
		host, _, _ = strings.Cut(host, "%")
		return "[" + host + "]"
	default:
		return host
	}
}

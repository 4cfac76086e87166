// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"net/http"

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
		if option[0].Text != upstreamHostOption {
			others = append(others, option...)
			continue
		}
		if t.UpstreamHost = true; len(option) > 1 {
			return d.ArgErr()
		}
	}
	others = append(others, caddyfile.Token{File: moduleName + " defaults: end", Line: 1, Text: "}"}) // on a line of its own
	return t.HTTPTransport.UnmarshalCaddyfile(caddyfile.NewDispenser(others))
}

// RequestHeaderOps implements [reverseproxy.RequestHeaderOpsTransport]. For
// operations on headers, the proxy copies all of them.
func (t *Transport) RequestHeaderOps() *headers.HeaderOps {
	if t.UpstreamHost {
		return nil
	}
	return t.HTTPTransport.RequestHeaderOps()
}

// setHost makes a request one to the upstream's own name. Health checks, which
// have no variables, name what they were told to.
func (t *Transport) setHost(r *http.Request) {
	if !t.UpstreamHost || r.Context().Value(caddyhttp.VarsCtxKey) == nil {
		return
	}
	if upstream, ok := reverseproxy.GetDialInfo(r.Context()); ok {
		r.Host = upstream.Host
	}
}

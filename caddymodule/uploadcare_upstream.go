// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/transport"
)

// addInsecure adds the subdirective that allows upstreams without TLS.
func (p *proxyTokens) addInsecure(segment caddyfile.Segment) error {
	d := caddyfile.NewDispenser(segment)
	d.Next()
	switch {
	case len(segment) > 1:
		return d.Errf("%s takes no argument", d.Val())
	case p.insecure:
		return d.Errf("%s already specified", d.Val())
	}
	p.insecure = true
	return nil
}

// checkUpstreams checks what the user has written of the upstreams, so that the error has
// a line. The proxy does so again when it is loaded, which is also when a placeholder has
// a value.
func (p *proxyTokens) checkUpstreams(parsed *reverseproxy.Handler) error {
	used, insecure := parsedTransport(parsed)
	if p.insecure || insecure {
		return nil
	}
	for _, segment := range p.subdirectives {
		var proxy reverseproxy.Handler
		switch segment[0].Text {
		case "to":
			alone := slices.Clone(segment) // as Caddy parses its addresses, which was seen to succeed
			alone[0].Text = "reverse_proxy"
			if err := proxy.UnmarshalCaddyfile(caddyfile.NewDispenser(alone)); err != nil {
				return err
			}
		case "dynamic":
			proxy.DynamicUpstreamsRaw = json.RawMessage("{}")
		}
		proxy.Upstreams = withoutPlaceholders(proxy.Upstreams)
		if _, err := transport.CheckUpstreams(&proxy, used, false); err != nil {
			d := caddyfile.NewDispenser(segment)
			d.Next()
			return d.WrapErr(err)
		}
	}
	return nil
}

// parsedTransport returns the transport of a proxy that is not loaded yet, and whether its
// own options allow upstreams without TLS.
func parsedTransport(proxy *reverseproxy.Handler) (http.RoundTripper, bool) {
	var name struct {
		Protocol string `json:"protocol"`
	}
	if json.Unmarshal(proxy.TransportRaw, &name) != nil {
		return nil, false // Caddy's default, which has no TLS
	}
	module, err := caddy.GetModule("http.reverse_proxy.transport." + name.Protocol)
	if err != nil {
		return nil, false
	}
	loaded, ok := module.New().(http.RoundTripper)
	if !ok || json.Unmarshal(proxy.TransportRaw, loaded) != nil {
		return nil, false
	}
	own, ok := loaded.(*transport.Transport)
	return loaded, ok && own.InsecureHTTP
}

// withoutPlaceholders returns the upstreams whose addresses are known before the config is
// loaded, perhaps on another machine with other variables.
func withoutPlaceholders(upstreams reverseproxy.UpstreamPool) (known reverseproxy.UpstreamPool) {
	for _, upstream := range upstreams {
		if !strings.Contains(upstream.Dial, "{") {
			known = append(known, upstream)
		}
	}
	return known
}

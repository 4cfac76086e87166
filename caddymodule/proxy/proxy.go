// SPDX-License-Identifier: Apache-2.0

// Package proxy is http.handlers.uploadcare_proxy: Caddy's `reverse_proxy` with its
// options, past which uploads take a shortcut.
package proxy

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/proxy/shortcut"
)

func init() {
	caddy.RegisterModule(Proxy{})
}

// Proxy is Caddy's `reverse_proxy`, with all its options, for uploads that
// `uploadcare_sign` edits. Most of what that proxy costs a request is for what
// can be configured. Where nothing is but one upstream and `transport uploadcare`
// with `upstream_host`, the form of an upload takes a shortcut: what goes to the
// upstream and what comes back are the same, and so are placeholders, errors and
// log lines. (But an upstream that switches protocols unasked is an error, 502.)
// Everything else goes through `reverse_proxy`, also an upload with
// headers for one hop alone, or one that comes from another proxy of the same
// site, such as `forward_auth`.
//
// By the shortcut, an upload does not count as one of the upstream's requests: in
// the admin API, in `{http.reverse_proxy.upstream.requests}`, and for other
// proxies to the same address that balance or limit them.
type Proxy struct {
	*reverseproxy.Handler

	proxy caddyhttp.MiddlewareHandler // the Handler itself, or a shortcut past it
}

// CaddyModule returns the Caddy module information.
func (Proxy) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.uploadcare_proxy",
		New: func() caddy.Module { return &Proxy{Handler: new(reverseproxy.Handler)} },
	}
}

// Provision makes Caddy's proxy, and finds out whether there is a shortcut.
func (p *Proxy) Provision(ctx caddy.Context) (err error) {
	p.proxy, err = shortcut.Provision(ctx, p.Handler)
	redact(p.Handler)
	return err
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return p.proxy.ServeHTTP(w, r, next)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Proxy)(nil)
	_ caddy.CleanerUpper          = (*Proxy)(nil)
	_ caddyhttp.MiddlewareHandler = (*Proxy)(nil)
)

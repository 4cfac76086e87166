// SPDX-License-Identifier: Apache-2.0

// Package proxy is http.handlers.uploadcare_proxy: Caddy's `reverse_proxy` with all its
// options, which uploads bypass by a shortcut where that makes no difference but in
// cost. Errors and their timing are those of Caddy's proxy either way.
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
// `uploadcare_sign` has edited. Most of what `reverse_proxy` costs per request serves
// its options. Where nothing is configured but one upstream and `transport uploadcare`
// with `upstream_host`, uploads of forms take a shortcut: the request to the upstream
// and the response to the client are the same, and so are placeholders, errors and log
// lines. (One thing differs: if the upstream switches protocols unasked, that is an
// error, 502.) Everything else goes through `reverse_proxy`: other requests, uploads
// with hop-by-hop headers, and uploads that another proxy of the same site, such as
// `forward_auth`, has handled before.
//
// An upload that takes the shortcut is not counted among the upstream's current
// requests: in the admin API, in `{http.reverse_proxy.upstream.requests}`, and by other
// proxies to the same address that balance or limit them.
type Proxy struct {
	*reverseproxy.Handler

	// Whether the upstreams may be on other machines without TLS. Anyone on the way can
	// then read the credentials and the files. Without it, only hosts on loopback
	// (`localhost` and names below it, 127.0.0.0/8, ::1) and Unix sockets do without
	// TLS. Default: `false`.
	InsecureHTTP bool `json:"insecure_http,omitempty"`

	proxy caddyhttp.MiddlewareHandler // Handler itself, or the shortcut
}

// CaddyModule returns the Caddy module information.
func (Proxy) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.uploadcare_proxy",
		New: func() caddy.Module { return &Proxy{Handler: new(reverseproxy.Handler)} },
	}
}

// Provision provisions Caddy's proxy, and the shortcut if the configuration allows it. It
// logs where uploads go.
func (p *Proxy) Provision(ctx caddy.Context) (err error) {
	if p.proxy, err = shortcut.Provision(ctx, p.Handler); err != nil {
		return err
	}
	if err := p.checkUpstreams(ctx.Logger()); err != nil {
		return err
	}
	redact(p.Handler)
	return nil
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

// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/redact"
)

const proxyName = "uploadcare_proxy"

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

	shortcut *shortcut // nil if something is configured that it leaves out
}

// CaddyModule returns the Caddy module information.
func (Proxy) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers." + proxyName,
		New: func() caddy.Module { return &Proxy{Handler: new(reverseproxy.Handler)} },
	}
}

// Provision makes Caddy's proxy, and finds out whether there is a shortcut.
func (p *Proxy) Provision(ctx caddy.Context) error {
	bare, err := isBare(p.Handler) // before defaults are filled in
	if err != nil {
		return err
	}
	if err := p.Handler.Provision(ctx); err != nil {
		return err
	}
	if caddys, ok := p.Transport.(*reverseproxy.HTTPTransport); ok {
		p.Transport = &redactingTransport{caddys}
	}
	if !bare {
		return nil
	}
	if p.shortcut = newShortcut(p.Handler); p.shortcut != nil {
		p.shortcut.logger = ctx.Logger()
	}
	return nil
}

// isBare reports whether nothing is configured but a transport and the address of
// an upstream. Whatever options Caddy's proxy may yet get are noticed too.
func isBare(handler *reverseproxy.Handler) (bool, error) {
	config, err := json.Marshal(handler)
	if err != nil {
		return false, fmt.Errorf("reading the proxy's configuration: %w", err)
	}
	var options map[string]json.RawMessage
	var upstreams []map[string]json.RawMessage
	if err := json.Unmarshal(config, &options); err != nil {
		return false, fmt.Errorf("reading the proxy's configuration: %w", err)
	}
	if err := json.Unmarshal(options["upstreams"], &upstreams); err != nil || len(options) > 2 || len(options["transport"]) == 0 {
		return false, nil //nolint:nilerr // there are none
	}
	return len(upstreams) == 1 && len(upstreams[0]) == 1 && len(upstreams[0]["dial"]) > 0, nil
}

// redactingTransport is Caddy's own, and keeps the credential of an upload out of
// what the proxy logs of the response, as [Transport] does.
type redactingTransport struct{ *reverseproxy.HTTPTransport }

// RoundTrip implements [http.RoundTripper].
func (t *redactingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.HTTPTransport.RoundTrip(r)
	return redact.Response(r.Context(), response, err)
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if p.shortcut == nil {
		return p.Handler.ServeHTTP(w, r, next)
	}
	e := p.shortcut.begin(w, r)
	if e == nil {
		return p.Handler.ServeHTTP(w, r, next)
	}
	if err := e.roundTrip(); err != nil {
		return e.fail(err)
	}
	e.answer()
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Proxy)(nil)
	_ caddy.CleanerUpper          = (*Proxy)(nil)
	_ caddyhttp.MiddlewareHandler = (*Proxy)(nil)
)

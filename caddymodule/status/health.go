// SPDX-License-Identifier: Apache-2.0

package status

import (
	"net/http"
	"strings"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/option"
)

// Directive is the handler's name in the Caddyfile.
const Directive = "uploadcare_health"

// livePath is the end of the paths that ask whether the process is alive, and not whether
// the gateway is ready.
const livePath = "/live"

func init() {
	caddy.RegisterModule(Health{})
	option.RegisterHandlerDirective(Directive, parseHealth, option.PassOn)

	// Before anything that could ask for a password: a load balancer has none.
	httpcaddyfile.RegisterDirectiveOrder(Directive, httpcaddyfile.Before, "basicauth")
}

// Health responds to the health checks of load balancers, which reach a site and not the
// admin API. `200 ok` means ready, and `503 not ready` that uploads should go to another
// machine: while the server is stopping, in Caddy's `shutdown_delay`, or while no project
// can be signed for because of this machine itself. What all machines share, such as a
// resolver or the Upload API, never makes it not ready. A check asks no source.
//
// Requests whose path ends in `/live` are responded to with `200 ok` as long as the
// process serves them, for machines that restart what does not respond. Requests with
// other methods than GET and HEAD are passed on. Why the gateway is not ready is in the
// log alone. The projects are those of the whole config.
type Health struct {
	logger *zap.Logger
}

// CaddyModule returns the Caddy module information.
func (Health) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.uploadcare_health",
		New: func() caddy.Module { return new(Health) },
	}
}

// Provision sets the logger.
func (h *Health) Provision(ctx caddy.Context) error {
	h.logger = ctx.Logger()
	return nil
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (h *Health) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return next.ServeHTTP(w, r) // or, without a matcher, it would swallow all uploads of the site
	}
	if strings.HasSuffix(r.URL.Path, livePath) {
		live().write(w, r)
		return nil
	}
	ready(caddy.Exiting() || isShuttingDown(r)).report(h.logger).write(w, r)
	return nil
}

// isShuttingDown reports whether the request's server is in its shutdown_delay: the process is
// stopping, or a reload has a new config without the server's address.
func isShuttingDown(r *http.Request) bool {
	replacer, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok || r.Context().Value(caddyhttp.ServerCtxKey) == nil { // without which the placeholder panics
		return false
	}
	stopping, _ := replacer.Get("http.shutting_down")
	return stopping == true
}

func parseHealth(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	health := new(Health)
	return health, health.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	uploadcare_health [<matcher>]
//
// The matcher is usually a path, such as /healthz or /healthz*.
func (h *Health) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume directive name
	if d.NextArg() {
		return d.Errf("unexpected argument '%s': %s takes nothing but a matcher, such as /healthz", d.Val(), Directive)
	}
	return option.NoBlock(d, Directive)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Health)(nil)
	_ caddyfile.Unmarshaler       = (*Health)(nil)
	_ caddyhttp.MiddlewareHandler = (*Health)(nil)
)

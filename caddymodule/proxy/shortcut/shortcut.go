// SPDX-License-Identifier: Apache-2.0

// Package shortcut leads uploads past Caddy's proxy where that would come to the
// same: what it costs a request is for what can be configured.
package shortcut

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/hop"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/transport"
)

// shortcut leads uploads to the one upstream there is, past Caddy's proxy.
type shortcut struct {
	proxy     *reverseproxy.Handler // for what is out of the ordinary
	transport *transport.Transport
	to        reverseproxy.DialInfo
	logger    *zap.Logger
}

// Provision provisions Caddy's proxy, for the module of ctx. It returns a shortcut
// past the proxy for uploads, which leaves all else to it; or the proxy itself if
// anything is configured that would be left out.
func Provision(ctx caddy.Context, proxy *reverseproxy.Handler) (caddyhttp.MiddlewareHandler, error) {
	bare, err := isBare(proxy) // before defaults are filled in
	if err != nil {
		return nil, err
	}
	if err := proxy.Provision(ctx); err != nil {
		return nil, err
	}
	if bare {
		if s := newShortcut(proxy, ctx.Logger()); s != nil {
			return s, nil
		}
	}
	return proxy, nil
}

// isBare reports whether nothing is configured but a transport and the address of
// an upstream. Whatever options Caddy's proxy may yet get are noticed too.
func isBare(proxy *reverseproxy.Handler) (bool, error) {
	config, err := json.Marshal(proxy)
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

// newShortcut returns one past a proxy that is bare, or nil if its upstream is not
// always the same or asks for more.
func newShortcut(proxy *reverseproxy.Handler, logger *zap.Logger) *shortcut {
	own, ours := proxy.Transport.(*transport.Transport)
	upstream := proxy.Upstreams[0]
	if !ours || !own.UpstreamHost || own.ProxyProtocolEnabled() || strings.Contains(upstream.Dial, "{") {
		return nil
	}
	address, err := caddy.ParseNetworkAddress(upstream.Dial)
	if err != nil || address.Network != "tcp" || address.PortRangeSize() != 1 {
		return nil
	}
	return &shortcut{proxy: proxy, transport: own, logger: logger, to: reverseproxy.DialInfo{
		Upstream: upstream,
		Network:  address.Network,
		Address:  address.JoinHostPort(0),
		Host:     address.Host,
		Port:     strconv.FormatUint(uint64(address.StartPort), 10),
	}}
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (s *shortcut) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	e := s.begin(w, r)
	if e == nil {
		return s.proxy.ServeHTTP(w, r, next)
	}
	if err := e.roundTrip(); err != nil {
		return e.fail(err)
	}
	e.respond()
	return nil
}

// begin returns an exchange with the upstream for a request, or nil if that is out
// of the ordinary.
func (s *shortcut) begin(w http.ResponseWriter, r *http.Request) *exchange {
	ctx := r.Context()
	trusted, _ := caddyhttp.GetVar(ctx, caddyhttp.TrustedProxyVarKey).(bool)
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	replacer, ok := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if err != nil || address == "" || !ok || !isOrdinary(r) {
		return nil
	}
	e := &exchange{shortcut: s, w: w, began: time.Now()}
	if !e.setPlaceholders(ctx, replacer) {
		return nil
	}
	if check := s.logger.Check(zap.DebugLevel, "selected upstream"); check != nil {
		check.Write(zap.String("dial", s.to.Address), zap.Int("total_upstreams", 1))
	}
	e.interim.to = w
	e.request = r.WithContext(e.interim.watch(ctx))
	url := *r.URL
	url.Scheme, url.Host = "", s.to.Address
	header := maps.Clone(r.Header) // of which no value is changed in place
	e.request.URL, e.request.Header = &url, header
	e.request.Host, e.request.Close = s.to.Host, false

	if _, ok := header["User-Agent"]; !ok {
		header["User-Agent"] = []string{""} // or there would be one of ours
	}
	address, _, _ = strings.Cut(address, "%")
	addForwarded(r, header, address, trusted)
	addVia(header, r.ProtoMajor, r.ProtoMinor)
	return e
}

// isOrdinary reports whether a request is an upload that has been edited, without
// anything that is between the client and Caddy alone.
func isOrdinary(r *http.Request) bool {
	if _, edited := r.Body.(handover.EditedForm); !edited || len(r.Trailer) > 0 || r.TLS != nil && !r.TLS.HandshakeComplete {
		return false
	}
	for name := range r.Header {
		if hop.IsHopByHop(name) || name == "Incremental" {
			return false
		}
	}
	return true
}

// Interface guard
var _ caddyhttp.MiddlewareHandler = (*shortcut)(nil)

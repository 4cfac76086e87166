// SPDX-License-Identifier: Apache-2.0

// Package shortcut sends uploads to an upstream without Caddy's proxy where the result
// is the same. It decides twice: when the configuration is loaded, whether any option
// is set that it does not implement; and for each request, whether there is anything in
// it that Caddy's proxy treats specially. In doubt, Caddy's proxy handles it.
//
// Caddy's proxy selects an upstream, clones requests, and sets some twenty placeholders
// for each. For a small upload that costs more than sending it.
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

// shortcut is a handler that sends uploads to a proxy's only upstream.
type shortcut struct {
	proxy     *reverseproxy.Handler // handles all other requests
	transport *transport.Transport
	to        reverseproxy.DialInfo
	host      string // the header
	logger    *zap.Logger
}

// Provision provisions Caddy's proxy, for the module of ctx. It returns a shortcut, which
// leaves to the proxy what is not an ordinary upload; or the proxy itself, if an option is
// configured that the shortcut does not implement.
func Provision(ctx caddy.Context, proxy *reverseproxy.Handler) (caddyhttp.MiddlewareHandler, error) {
	bare, err := isBare(proxy) // before defaults are filled in
	if err != nil {
		return nil, err
	}
	// A bare one, too: it handles what is no upload, and has the transport.
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

// isBare reports whether nothing is configured but a transport and the address of one
// upstream. It inspects the configuration as JSON instead of the fields that it knows, so
// that an option of a later version of Caddy is noticed, too.
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
	// Exactly the two options that the shortcut implements.
	if err := json.Unmarshal(options["upstreams"], &upstreams); err != nil || len(options) > 2 || len(options["transport"]) == 0 {
		return false, nil //nolint:nilerr // upstreams that are missing or dynamic are no error
	}
	// One option each: an upstream with max_requests, say, needs the proxy, which counts.
	return len(upstreams) == 1 && len(upstreams[0]) == 1 && len(upstreams[0]["dial"]) > 0, nil
}

// newShortcut returns a shortcut for a proxy that is bare, or nil if its upstream depends
// on the request, is not a single TCP address, or needs another transport.
func newShortcut(proxy *reverseproxy.Handler, logger *zap.Logger) *shortcut {
	own, ok := proxy.Transport.(*transport.Transport)
	upstream := proxy.Upstreams[0]
	// Without UpstreamHost, Host depends on header operations; PROXY protocol needs the
	// client's address when it dials; and a placeholder makes the upstream depend on the
	// request.
	if !ok || !own.UpstreamHost || own.ProxyProtocolEnabled() || strings.Contains(upstream.Dial, "{") {
		return nil
	}
	// A range of ports would be several upstreams; and without a host, as on a Unix socket,
	// Host is the client's.
	address, err := caddy.ParseNetworkAddress(upstream.Dial)
	if err != nil || address.Network != "tcp" || address.Host == "" || address.PortRangeSize() != 1 {
		return nil
	}
	to := reverseproxy.DialInfo{
		Upstream: upstream,
		Network:  address.Network,
		Address:  address.JoinHostPort(0),
		Host:     address.Host,
		Port:     strconv.FormatUint(uint64(address.StartPort), 10),
	}
	return &shortcut{proxy, own, to, transport.HostHeader(to, ""), logger}
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (s *shortcut) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	e := s.begin(w, r)
	if e == nil {
		return s.proxy.ServeHTTP(w, r, next)
	}
	// No retries here, as in Caddy's proxy without load balancing: whether an upload may
	// be sent again is for uploadcare_sign to decide, which has its bytes.
	if err := e.roundTrip(); err != nil {
		return e.fail(err)
	}
	e.respond()
	return nil
}

// begin returns an exchange with the upstream for a request, or nil if Caddy's proxy is
// to handle it. It prepares the request as Caddy's proxy does in prepareRequest.
func (s *shortcut) begin(w http.ResponseWriter, r *http.Request) *exchange {
	ctx := r.Context()
	trusted, _ := caddyhttp.GetVar(ctx, caddyhttp.TrustedProxyVarKey).(bool)
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	replacer, ok := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	// Caddy's proxy drops the forwarding headers, or fails, for such an address.
	if err != nil || address == "" || !ok || !isOrdinary(r) {
		return nil
	}
	// Everything that can still send the request to Caddy's proxy must come before the
	// first change of it.
	e := &exchange{shortcut: s, w: w, began: time.Now()}
	if !e.setPlaceholders(ctx, replacer) {
		return nil
	}
	if check := s.logger.Check(zap.DebugLevel, "selected upstream"); check != nil {
		check.Write(zap.String("dial", s.to.Address), zap.Int("total_upstreams", 1))
	}
	e.interim.to = w
	// A shallow copy: handlers before this one go on using r. The transport sets the
	// scheme, by whether it has TLS.
	e.request = r.WithContext(e.interim.watch(ctx))
	url := *r.URL
	url.Scheme, url.Host = "", s.to.Address
	header := maps.Clone(r.Header) // a shallow copy: no value is changed in place
	e.request.URL, e.request.Header = &url, header
	// Close is about the client's connection. With it, the one to the upstream would not
	// be reused.
	// The host alone, without the port: UpstreamHost promises the service's own name.
	e.request.Host, e.request.Close = s.host, false

	if _, ok := header["User-Agent"]; !ok {
		header["User-Agent"] = []string{""} // or net/http would add its own
	}
	address, _, _ = strings.Cut(address, "%") // without the zone of an IPv6 address
	addForwarded(r, header, address, trusted)
	addVia(header, r.ProtoMajor, r.ProtoMinor)
	return e
}

// isOrdinary reports whether a request is an edited upload, without headers that Caddy's
// proxy would remove or act on (Incremental asks for streaming: RFC 10036).
func isOrdinary(r *http.Request) bool {
	if _, edited := r.Body.(handover.EditedForm); !edited || len(r.Trailer) > 0 {
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

// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/transport"
)

// shortcut leads uploads to the one upstream there is.
type shortcut struct {
	transport *transport.Transport
	to        reverseproxy.DialInfo
	logger    *zap.Logger
}

// newShortcut returns one past a proxy that is bare, or nil if its upstream is not
// always the same or asks for more.
func newShortcut(handler *reverseproxy.Handler) *shortcut {
	own, ours := handler.Transport.(*transport.Transport)
	upstream := handler.Upstreams[0]
	if !ours || !own.UpstreamHost || own.ProxyProtocolEnabled() || strings.Contains(upstream.Dial, "{") {
		return nil
	}
	address, err := caddy.ParseNetworkAddress(upstream.Dial)
	if err != nil || address.Network != "tcp" || address.PortRangeSize() != 1 {
		return nil
	}
	return &shortcut{transport: own, to: reverseproxy.DialInfo{
		Upstream: upstream,
		Network:  address.Network,
		Address:  address.JoinHostPort(0),
		Host:     address.Host,
		Port:     strconv.FormatUint(uint64(address.StartPort), 10),
	}}
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
	if !e.setPlaceholders(replacer) {
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

// isOrdinary reports whether a request is an upload, edited by [Sign], without
// anything that is between the client and Caddy alone.
func isOrdinary(r *http.Request) bool {
	if _, edited := r.Body.(*multipartBody); !edited || len(r.Trailer) > 0 || r.TLS != nil && !r.TLS.HandshakeComplete {
		return false
	}
	for name := range r.Header {
		if isHopByHop(name) || name == "Incremental" {
			return false
		}
	}
	return true
}

// addForwarded tells the upstream of the client. What there is of that already is
// believed if it comes from a trusted proxy, and left alone if it is nil, which
// says that it is to be kept from the upstream.
func addForwarded(r *http.Request, header http.Header, address string, trusted bool) {
	set := func(name, value string, extend bool) {
		values, ok := header[name]
		if ok && values == nil {
			return
		}
		switch {
		case !trusted || len(values) == 0:
		case extend && strings.Join(values, ", ") != "":
			value = strings.Join(values, ", ") + ", " + value
		case !extend && values[len(values)-1] != "":
			value = values[len(values)-1]
		}
		header[name] = []string{value}
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	set("X-Forwarded-For", address, true)
	set("X-Forwarded-Proto", scheme, false)
	set("X-Forwarded-Host", r.Host, false)
}

// addVia tells of Caddy (RFC 9110, section 7.6.3).
func addVia(header http.Header, major, minor int) {
	via := "1.1 Caddy"
	if major != 1 || minor != 1 {
		via = strconv.Itoa(major) + "." + strconv.Itoa(minor) + " Caddy"
	}
	header["Via"] = append(slices.Clip(header["Via"]), via)
}

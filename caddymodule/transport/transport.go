// SPDX-License-Identifier: Apache-2.0

// Package transport is http.reverse_proxy.transport.uploadcare: Caddy's transport
// `http` with its options, over connections that suit uploads.
package transport

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/wire"
)

const moduleName = "uploadcare"

// Defaults are options, as they stand in a Caddyfile, for a proxy that knows no
// better of where its uploads go.
//
// HTTP/1.1 gives each upload a connection and a window of its own; HTTP/2 would
// share one, in smaller pieces, and is as slow as its window is small where the
// upstream is far. An idle connection is given up before servers usually do, since
// a POST that meets one being closed is lost: nobody knows whether it has been
// acted on. All connections of a burst are kept until then, or the next one would
// wait for handshakes.
const Defaults = "versions 1.1\ndial_timeout 5s\nkeepalive 30s\nkeepalive_idle_conns_per_host 256\n"

func init() {
	caddy.RegisterModule(Transport{})
}

// Transport is Caddy's transport `http` for proxies whose work is uploads. It
// takes the same options. Over HTTP/1.1, bodies go to the upstream in fewer and
// larger pieces; for that, a byte waits for others for 5 milliseconds at most.
// Requests are sent and responses read at less cost than with `http`, except over
// HTTP/2, HTTP/3 or a proxy, with limits of connections (`max_conns_per_host`,
// `keep_alive.max_idle_conns`) or without keep-alive, on Windows, and for clients
// that ask for an upgrade or wait for 100 Continue.
//
// With `write_timeout`, which is for one piece, none is larger than with `http`.
// Responses are not compressed unless the client asks for that, or `compression`
// is `true`: they are small.
//
// Over TLS, a connection resumes the session of one before, unless there is a
// client certificate.
type Transport struct {
	*reverseproxy.HTTPTransport

	// Whether requests name the upstream, without a port, as their host, instead
	// of what the client asked for or Caddy puts there over TLS. It costs less
	// than `header_up Host {http.reverse_proxy.upstream.host}`, and wins over any
	// `header_up Host`. Default: `false`.
	UpstreamHost bool `json:"upstream_host,omitempty"`

	client roundTripper // nil for other versions of HTTP than 1.1 and 2
}

// CaddyModule returns the Caddy module information.
func (Transport) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.transport." + moduleName,
		New: func() caddy.Module { return &Transport{HTTPTransport: new(reverseproxy.HTTPTransport)} },
	}
}

// Provision makes Caddy's transport, and changes what it sends over.
func (t *Transport) Provision(ctx caddy.Context) error {
	if err := t.HTTPTransport.Provision(ctx); err != nil {
		return err
	}
	if slices.Contains(t.Versions, "h2c") || slices.Contains(t.Versions, "3") {
		return nil
	}
	base := t.HTTPTransport.Transport //nolint:staticcheck // t.Transport would read as t itself
	// The service's responses are small, and the gateway reads some of them.
	base.DisableCompression = t.Compression == nil || !*t.Compression
	if base.TLSClientConfig == nil {
		base.TLSClientConfig = new(tls.Config)
	}
	base.TLSClientConfig.DynamicRecordSizingDisabled = true
	base.TLSClientConfig.ClientSessionCache = t.newSessionCache()
	dialTLS, caddys := base.DialTLSContext, true
	if dialTLS == nil { // otherwise Caddy has its reasons for one of its own
		caddys = false
		dialTLS = tlsDialer{base.DialContext, base.TLSClientConfig, base.TLSHandshakeTimeout}.dial
	}
	base.DialContext = t.wrapping(base.DialContext)
	base.DialTLSContext = t.wrapping(dialTLS)
	t.client = newClient(base, caddys || slices.Contains(t.Versions, "2"))
	return nil
}

// wrapping returns a function that dials, and has the connection send bodies in
// large pieces if it is to be for HTTP/1.1.
func (t *Transport) wrapping(dial dialFunc) dialFunc {
	small := t.WriteTimeout > 0
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		secure, ok := connection.(*tls.Conn)
		if !ok {
			return wire.NewConn(connection, nil, small), nil
		}
		if secure.ConnectionState().NegotiatedProtocol == "h2" {
			return connection, nil // as it is, or the client does not know it
		}
		records, _ := secure.NetConn().(*wire.Records)
		return wire.NewTLSConn(secure, records, small), nil
	}
}

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	credential := handover.CredentialOf(r.Context())
	credential.Request(r)
	t.setHost(r)
	if isWebsocket(r.Header) {
		r = r.WithContext(context.WithValue(r.Context(), onlyHTTP1Key{}, true))
	}
	if r.Body != nil && r.Body != http.NoBody && (r.ContentLength <= 0 || len(r.TransferEncoding) > 0) {
		chunked := *r
		chunked.Body = &wire.Body{ReadCloser: r.Body, Small: t.WriteTimeout > 0}
		r = &chunked
	}
	response, err := t.roundTrip(r)
	return credential.Response(response, err)
}

func (t *Transport) roundTrip(r *http.Request) (*http.Response, error) {
	if t.client == nil {
		return t.HTTPTransport.RoundTrip(r)
	}
	t.SetScheme(r)
	return t.client.RoundTrip(r)
}

// Cleanup closes the connections that are idle.
func (t *Transport) Cleanup() error {
	if t.client != nil {
		t.client.CloseIdleConnections()
	}
	return t.HTTPTransport.Cleanup()
}

// isWebsocket reports whether a request is for something that HTTP/2 does not
// have, as the client sees it.
func isWebsocket(header http.Header) bool {
	return strings.EqualFold(header.Get("Upgrade"), "websocket") &&
		httpguts.HeaderValuesContainsToken(header["Connection"], "upgrade")
}

// Interface guards
var (
	_ caddy.Provisioner                                = (*Transport)(nil)
	_ caddy.CleanerUpper                               = (*Transport)(nil)
	_ caddyfile.Unmarshaler                            = (*Transport)(nil)
	_ http.RoundTripper                                = (*Transport)(nil)
	_ reverseproxy.TLSTransport                        = (*Transport)(nil)
	_ reverseproxy.H2CTransport                        = (*Transport)(nil)
	_ reverseproxy.RequestHeaderOpsTransport           = (*Transport)(nil)
	_ reverseproxy.ProxyProtocolTransport              = (*Transport)(nil)
	_ reverseproxy.HealthCheckSchemeOverriderTransport = (*Transport)(nil)
)

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

// Defaults are options in Caddyfile syntax, for proxies whose user has not written any.
//
// HTTP/1.1 gives each upload a connection and a flow-control window of its own. HTTP/2
// would share one connection, in smaller pieces, and where the upstream is far its window
// limits the speed. An idle connection is closed before servers usually close it: a POST
// that is sent on a connection that the server is just closing fails, and cannot be
// retried, for it is unknown whether it was processed (RFC 9110, section 9.2.2). All
// connections of a burst are retained until then, so that the next burst does not wait for
// handshakes.
const Defaults = "versions 1.1\ndial_timeout 5s\nkeepalive 30s\nkeepalive_idle_conns_per_host 256\n"

func init() {
	caddy.RegisterModule(Transport{})
}

// Transport is Caddy's transport `http` for proxies whose work is uploads, with the same
// options. Over HTTP/1.1, bodies are sent to the upstream in fewer and larger pieces; for
// that, a byte waits for others for at most 5 milliseconds. Requests and responses cost
// less than with `http`, except over HTTP/2, HTTP/3 or a forward proxy; with limits of
// connections (`max_conns_per_host`, `keep_alive.max_idle_conns`) or without keep-alive;
// on Windows; and for clients that request an upgrade or wait for 100 Continue.
//
// `write_timeout` applies to each piece, so with it pieces are no larger than with
// `http`. Responses are not compressed unless the client accepts that or `compression`
// is `true`: they are small.
//
// Over TLS, a connection resumes the session of an earlier one, unless there is a client
// certificate.
type Transport struct {
	*reverseproxy.HTTPTransport

	// Whether the header Host of requests is the upstream's name, without a port,
	// instead of the one that the client sent or that Caddy sets over TLS. It costs
	// less than `header_up Host {http.reverse_proxy.upstream.host}`, and overrides any
	// `header_up Host`. Default: `false`.
	UpstreamHost bool `json:"upstream_host,omitempty"`

	// Whether the upstreams may be on other machines without TLS. Anyone on the way can
	// then read the credentials and the files. Without it, only hosts on loopback
	// (`localhost` and names below it, 127.0.0.0/8, ::1) and Unix sockets do without
	// TLS. Default: `false`.
	InsecureHTTP bool `json:"insecure_http,omitempty"`

	client roundTripper // nil with other versions of HTTP than 1.1 and 2
}

// CaddyModule returns the Caddy module information.
func (Transport) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.transport." + moduleName,
		New: func() caddy.Module { return &Transport{HTTPTransport: new(reverseproxy.HTTPTransport)} },
	}
}

// Provision provisions Caddy's transport, and then replaces its connections. With h2c or
// HTTP/3 it is left as it is.
func (t *Transport) Provision(ctx caddy.Context) error {
	if err := t.checkParent(ctx); err != nil {
		return err
	}
	if err := t.HTTPTransport.Provision(ctx); err != nil {
		return err
	}
	if slices.Contains(t.Versions, "h2c") || slices.Contains(t.Versions, "3") {
		return nil
	}
	base := t.HTTPTransport.Transport //nolint:staticcheck // t.Transport would read as t itself
	// The service's responses are small, and the gateway examines some of them, for
	// which they would have to be decompressed.
	base.DisableCompression = t.Compression == nil || !*t.Compression
	if base.TLSClientConfig == nil {
		base.TLSClientConfig = new(tls.Config)
	}
	base.TLSClientConfig.DynamicRecordSizingDisabled = true
	base.TLSClientConfig.ClientSessionCache = t.newSessionCache()
	dialTLS, caddys := base.DialTLSContext, true
	if dialTLS == nil { // if Caddy has set one, for PROXY protocol or placeholders in the server name, it stays
		caddys = false
		dialTLS = tlsDialer{base.DialContext, base.TLSClientConfig, base.TLSHandshakeTimeout}.dial
	}
	base.DialContext = t.wrapping(base.DialContext)
	base.DialTLSContext = t.wrapping(dialTLS)
	t.client = newClient(base, caddys || slices.Contains(t.Versions, "2"))
	return nil
}

// wrapping returns a function that dials with dial, and makes the connection send bodies
// in large pieces if it is for HTTP/1.1.
func (t *Transport) wrapping(dial dialFunc) dialFunc {
	small := t.WriteTimeout > 0
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := dial(ctx, network, address)
		if err != nil {
			return nil, t.namingResolvers(err)
		}
		secure, ok := connection.(*tls.Conn)
		if !ok {
			return wire.NewConn(connection, nil, small), nil
		}
		if secure.ConnectionState().NegotiatedProtocol == "h2" {
			return connection, nil // unwrapped: net/http needs a *tls.Conn to use HTTP/2
		}
		records, _ := secure.NetConn().(*wire.Records)
		return wire.NewTLSConn(secure, records, small), nil
	}
}

// RoundTrip implements [http.RoundTripper]. The response, the error and the logged request
// do not show the credential of the upload.
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

// roundTrip sends a request by the client, or by Caddy's transport if there is none.
func (t *Transport) roundTrip(r *http.Request) (*http.Response, error) {
	if t.client == nil {
		return t.HTTPTransport.RoundTrip(r)
	}
	t.SetScheme(r)
	return t.client.RoundTrip(r)
}

// Cleanup closes the connections that are idle or will be: a reload may have left uploads
// under way.
func (t *Transport) Cleanup() error {
	if t.client != nil {
		t.client.CloseIdleConnections()
	}
	return t.HTTPTransport.Cleanup()
}

// isWebsocket reports whether a request asks for an upgrade to WebSocket by HTTP/1.1's
// means, which HTTP/2 does not have.
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

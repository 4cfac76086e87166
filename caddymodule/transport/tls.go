// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/wire"
)

// dialFunc is the type of [http.Transport]'s functions that dial.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// onlyHTTP1Key is set in the context of a request that must not use HTTP/2.
type onlyHTTP1Key struct{}

// newSessionCache returns a cache of TLS sessions by server name, or nil for none. A
// handshake that resumes a session transfers no certificates, and up to TLS 1.2 it is a
// round trip shorter.
//
// crypto/tls does not verify the server's certificates again when it resumes a session.
// The cache therefore belongs to one transport, whose trusted authorities do not change,
// and ends with it. With a client certificate there is none: in a resumed session the
// server would not see a certificate that has been renewed meanwhile.
func (t *Transport) newSessionCache() tls.ClientSessionCache {
	if t.TLS != nil && (t.TLS.ClientCertificateFile != "" || t.TLS.ClientCertificateAutomate != "") {
		return nil
	}
	return tls.NewLRUClientSessionCache(0) // of the standard library's size
}

// tlsDialer makes TLS connections as [http.Transport] does, but with [wire.Records] below
// them. net/http has no other way to put something below TLS.
type tlsDialer struct {
	dialPlain dialFunc
	config    *tls.Config
	timeout   time.Duration // of the handshake, or 0
}

// dial implements [dialFunc]. The TLS connection is ready for use when it returns.
func (d tlsDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	config := d.config.Clone()
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		config.ServerName = host
	}
	if ctx.Value(onlyHTTP1Key{}) != nil {
		config.NextProtos = nil
	}
	connection, err := d.dialPlain(ctx, network, address)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(wire.NewRecords(connection), config)
	if d.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.timeout)
		defer cancel()
	}
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = secure.Close()
		return nil, err
	}
	return secure, nil
}

// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/wire"
)

// dialFunc makes a connection, as [http.Transport] has it.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// onlyHTTP1Key is set in the context of a request that is not for HTTP/2.
type onlyHTTP1Key struct{}

// newSessionCache returns what keeps sessions for the next handshake, for each
// server name, or nil. A handshake that resumes one transfers no certificates,
// and up to TLS 1.2 it is a round trip shorter. What was verified when a session
// began is verified for as long as its certificates are valid: so the cache is
// the transport's own, whose authorities do not change, and goes with it.
//
// A client certificate is not shown again when a session is resumed. Whoever has
// one means the server to see the current one.
func (t *Transport) newSessionCache() tls.ClientSessionCache {
	if t.TLS != nil && (t.TLS.ClientCertificateFile != "" || t.TLS.ClientCertificateAutomate != "") {
		return nil
	}
	return tls.NewLRUClientSessionCache(0) // of the standard library's size
}

// tlsDialer makes connections over TLS as [http.Transport] does, but for what
// they send over.
type tlsDialer struct {
	dialPlain dialFunc
	config    *tls.Config
	timeout   time.Duration // of the handshake, or 0
}

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

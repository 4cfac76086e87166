// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	quichttp "github.com/quic-go/quic-go/http3"
)

// silence is after how long a client gives a connection over QUIC up, of which nothing comes, and
// handshake one that has not been made yet.
const silence, keepAlive, handshake = 20 * time.Second, 3 * time.Second, 2 * time.Second

// quicTransport is a client's of HTTP/3.
type quicTransport struct {
	config  *tls.Config
	current atomic.Pointer[quichttp.Transport]
}

func newQUICTransport(config *tls.Config) *quicTransport {
	t := &quicTransport{config: config}
	t.renew()
	return t
}

// renew closes the connections. The system does not say that the process at their other
// end was killed, as it does over TCP, and each client would wait for as long as silence.
func (t *quicTransport) renew() {
	before := t.current.Swap(&quichttp.Transport{TLSClientConfig: t.config.Clone(), Dial: dialQUIC, QUICConfig: &quic.Config{
		MaxIdleTimeout: silence, KeepAlivePeriod: keepAlive, HandshakeIdleTimeout: handshake,
	}})
	if before != nil {
		_ = before.Close()
	}
}

// dialQUIC connects for all who wait for the connection: if the client for which it is made leaves,
// the others still want it. One that cannot be made fails as over TCP, so that the client goes to another
// gateway: no connection was lost.
func dialQUIC(ctx context.Context, address string, trust *tls.Config, config *quic.Config) (*quic.Conn, error) {
	connection, err := quic.DialAddr(context.WithoutCancel(ctx), address, trust, config)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "udp", Err: err}
	}
	return connection, nil
}

// RoundTrip implements [http.RoundTripper].
func (t *quicTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.current.Load().RoundTrip(r)
}

// CloseIdleConnections implements transport.
func (t *quicTransport) CloseIdleConnections() { t.current.Load().CloseIdleConnections() }

// Close implements [io.Closer].
func (t *quicTransport) Close() error { return t.current.Load().Close() }

// SPDX-License-Identifier: Apache-2.0

package window

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"

	"golang.org/x/net/http2"
)

// maxTotal is the most that a server grants a connection.
const maxTotal = 1 << 30

// installed is the key of a context whose server has windows.
type installed struct{}

// ConnContext returns a function for the ConnContext of an [http.Server], by which its
// HTTP/2 connections get windows. It may be called for several servers' handlers, and
// several times for one server, of which the first counts. Unencrypted connections
// (h2c), which come from a proxy nearby, are left as they are, and so is a server that
// has windows of its own.
//
// The server is changed as its first connection comes, which is not served before that;
// its other listeners wait so long.
func (b *Budget) ConnContext() func(context.Context, net.Conn) context.Context {
	var once sync.Once
	return func(ctx context.Context, _ net.Conn) context.Context {
		if ctx.Value(installed{}) != nil {
			return ctx
		}
		server, ok := ctx.Value(http.ServerContextKey).(*http.Server)
		if !ok {
			return ctx
		}
		once.Do(func() { b.install(server) })
		return context.WithValue(ctx, installed{}, true)
	}
}

// install takes over a server's HTTP/2 connections.
func (b *Budget) install(server *http.Server) {
	config := new(http.HTTP2Config)
	if server.HTTP2 != nil {
		*config = *server.HTTP2
	}
	if server.TLSNextProto[http2.NextProtoTLS] == nil || config.MaxReceiveBufferPerConnection != 0 || config.MaxReceiveBufferPerStream != 0 {
		return
	}
	config.MaxReceiveBufferPerConnection = min(least+b.most(), maxTotal)
	config.MaxReceiveBufferPerStream = min(Default+b.most(), maxTotal)
	base := &http.Server{
		ReadTimeout:       server.ReadTimeout,
		ReadHeaderTimeout: server.ReadHeaderTimeout,
		WriteTimeout:      server.WriteTimeout,
		IdleTimeout:       server.IdleTimeout,
		MaxHeaderBytes:    server.MaxHeaderBytes,
		ErrorLog:          server.ErrorLog,
		HTTP2:             config,
	}
	if server.ConnState != nil {
		base.ConnState = func(c net.Conn, state http.ConnState) {
			if c, ok := c.(*conn); ok { // The server knows the one in it.
				server.ConnState(c.Conn, state)
			}
		}
	}
	h2 := new(http2.Server) //nolint:staticcheck // Only x/net/http2 serves a connection that wraps another. Caddy uses it, too.
	//nolint:staticcheck // as above
	if err := http2.ConfigureServer(base, h2); err != nil {
		return
	}
	// The server waits for its connections to end. They only have to learn that they shall.
	server.RegisterOnShutdown(func() { _ = base.Shutdown(context.Background()) })
	server.TLSNextProto[http2.NextProtoTLS] = func(_ *http.Server, c *tls.Conn, h http.Handler) {
		b.serve(h2, base, c, h)
	}
}

// serve serves one connection until it ends.
//
//nolint:staticcheck // as above
func (b *Budget) serve(h2 *http2.Server, base *http.Server, c *tls.Conn, h http.Handler) {
	flow := newFlow(b)
	defer flow.close()
	//nolint:staticcheck // as above
	options := &http2.ServeConnOpts{BaseConfig: base, Handler: handler{h, flow}}
	// As x/net/http2 does: net/http passes the connection's context in the handler.
	if h, ok := h.(interface{ BaseContext() context.Context }); ok {
		options.Context = h.BaseContext()
	}
	h2.ServeConn(newConn(c, flow), options) //nolint:staticcheck // as above
}

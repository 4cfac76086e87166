// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/client"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/wire"
)

// settled is a pause after which everything that ends after a response has ended.
const settled = 50 * time.Millisecond

// testClient is a client that counts its connections.
type testClient struct {
	*client.Client
	transport *http.Transport
	dial      func(ctx context.Context, network, address string) (net.Conn, error) // replaces the dialling of TCP
	dialled   atomic.Int32
	open      atomic.Int32
}

// newTestClient returns a client for a transport that a function, or nil, configures. The
// function may set how the transport dials, for HTTP.
func newTestClient(t *testing.T, configure func(*http.Transport)) *testClient {
	t.Helper()
	c := &testClient{transport: &http.Transport{MaxIdleConnsPerHost: 100, DisableCompression: true}}
	c.transport.DialContext = new(net.Dialer).DialContext
	c.transport.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := c.connect(ctx, network, address)
		if err != nil {
			return nil, err
		}
		records := wire.NewRecords(connection)
		secure := tls.Client(records, &tls.Config{InsecureSkipVerify: true, DynamicRecordSizingDisabled: true})
		return wire.NewTLSConn(secure, records, false), secure.HandshakeContext(ctx)
	}
	if configure != nil {
		configure(c.transport)
	}
	c.dial = c.transport.DialContext
	c.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := c.connect(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return wire.NewConn(connection, nil, false), nil
	}
	c.Client = client.New(c.transport, false)
	t.Cleanup(c.transport.CloseIdleConnections)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func (c *testClient) connect(ctx context.Context, network, address string) (net.Conn, error) {
	c.dialled.Add(1)
	connection, err := c.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.open.Add(1)
	return counted{connection, sync.OnceFunc(func() { c.open.Add(-1) })}, nil
}

// checkOpen waits until so many connections are open.
func (c *testClient) checkOpen(t *testing.T, want int32) {
	t.Helper()
	for began := time.Now(); c.open.Load() != want; time.Sleep(time.Millisecond) {
		if time.Since(began) > soon {
			t.Errorf("%d connections are open, want %d", c.open.Load(), want)
			return
		}
	}
}

// counted is a connection that says when it is closed.
type counted struct {
	net.Conn
	closed func()
}

// NetConn returns the connection itself, which a client polls.
func (c counted) NetConn() net.Conn { return c.Conn }

func (c counted) Close() error {
	c.closed()
	return c.Conn.Close()
}

// startServer starts a server, over TLS if it is to be.
func startServer(t *testing.T, secure bool, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of what is broken off
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server.URL
}

// startRaw starts a server that hands out its connections, one after the other.
func startRaw(t *testing.T, serve func(connection net.Conn, number int)) string {
	t.Helper()
	return "http://" + rawtest.Serve(t, serve)
}

// interrupted is a body whose beginning comes at once. Reading the rest blocks until it is
// interrupted.
type interrupted struct {
	beginning io.Reader
	once      sync.Once
	end       chan struct{}
}

var errInterrupted = errors.New("interrupted")

func newInterrupted(beginning string) *interrupted {
	return &interrupted{beginning: strings.NewReader(beginning), end: make(chan struct{})}
}

func (i *interrupted) Read(p []byte) (int, error) {
	if n, err := i.beginning.Read(p); err == nil {
		return n, nil
	}
	<-i.end
	return 0, errInterrupted
}

func (i *interrupted) Interrupt()   { i.once.Do(func() { close(i.end) }) }
func (i *interrupted) Close() error { return nil }

// none is an interrupter of a body that never waits.
type none struct{}

func (none) Interrupt() {}

// post returns a request with a body of a type that net/http does not know. If direct is set
// and the body is small, it is sent in the caller's goroutine.
func post(t *testing.T, address, body string, direct bool) *http.Request {
	t.Helper()
	return postBody(t, address, struct{ io.Reader }{strings.NewReader(body)}, len(body), direct)
}

func postBody(t *testing.T, address string, body io.Reader, length int, direct bool) *http.Request {
	t.Helper()
	ctx := t.Context()
	if direct {
		interrupter, ok := body.(handover.Interrupter)
		if !ok {
			interrupter = none{}
		}
		ctx = handover.With(ctx, &handover.Request{Interrupter: interrupter})
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, body)
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = int64(length)
	return request
}

// readResponse returns the status and the body of a response.
func readResponse(t *testing.T, response *http.Response, err error) (int, string) {
	t.Helper()
	return rawtest.ReadResponse(t, response, err)
}

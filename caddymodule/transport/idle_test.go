// SPDX-License-Identifier: Apache-2.0

package transport_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/transport"
)

// far is the time to a distant upstream, one way.
const far = 50 * time.Millisecond

// farConn is the end of a connection on which everything arrives later, including its
// end.
type farConn struct {
	net.Conn
	closed *atomic.Pointer[time.Time] // when the far side closed it, or nil
}

func (f farConn) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	time.Sleep(far)
	return n, err
}

func (f farConn) Close() error {
	now := time.Now()
	f.closed.CompareAndSwap(nil, &now)
	return f.Conn.Close()
}

// Readable is what a transport sees of a socket without reading.
func (f farConn) Readable() bool {
	closed := f.closed.Load()
	return closed != nil && time.Since(*closed) >= far
}

// farListener takes connections to which dial is the other end.
type farListener struct {
	accepted chan net.Conn
	closed   chan struct{}
}

func (l farListener) Accept() (net.Conn, error) {
	select {
	case connection := <-l.accepted:
		return connection, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l farListener) Close() error { close(l.closed); return nil }

func (farListener) Addr() net.Addr { return new(net.TCPAddr) }

func (l farListener) dial(context.Context, string, string) (net.Conn, error) {
	near, there := net.Pipe()
	closed := new(atomic.Pointer[time.Time])
	l.accepted <- farConn{there, closed}
	return farConn{near, closed}, nil
}

// lost returns after which pauses, up to a limit, an upload is lost because the upstream
// closes idle connections after a time.
func lost(t *testing.T, keepalive string, idle, longest time.Duration) (pauses []time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tested := transport.Transport{}.CaddyModule().New().(*transport.Transport)
		if err := tested.UnmarshalCaddyfile(caddyfile.NewTestDispenser("uploadcare {\n" + keepalive + "}")); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
		defer cancel()
		if err := tested.Provision(ctx); err != nil {
			t.Fatal(err)
		}
		listener := farListener{make(chan net.Conn), make(chan struct{})}
		tested.DialBy(listener.dial)
		server := &http.Server{Handler: http.HandlerFunc(echo), IdleTimeout: idle, ReadHeaderTimeout: time.Minute}
		go func() { _ = server.Serve(listener) }()
		for pause := time.Duration(0); pause < longest; pause += far / 2 {
			time.Sleep(pause)
			response, err := send(t.Context(), tested, "http://far.test", "body")
			if err != nil {
				pauses = append(pauses, pause)
				continue
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
		_ = tested.Cleanup()
		_ = server.Close()
		time.Sleep(time.Minute) // until all that is on its way has arrived
	})
	return pauses
}

// An upload on a connection that is just being closed is lost. With the defaults, that
// cannot happen with an upstream that keeps idle connections for longer than they do.
func TestTheDefaultsLoseNoUploadToAnIdleConnection(t *testing.T) {
	for _, idle := range []time.Duration{31 * time.Second, 50 * time.Second, 60 * time.Second, 75 * time.Second} {
		if pauses := lost(t, transport.Defaults, idle, idle+5*time.Second); len(pauses) > 0 {
			t.Errorf("of an upstream that closes them after %v: lost after %v", idle, pauses)
		}
	}
}

// Without the defaults, uploads are lost; and a connection that was closed a while ago
// costs no upload either.
func TestAnUploadIsLostOnlyWhileAConnectionIsBeingClosed(t *testing.T) {
	const idle = 5 * time.Second
	pauses := lost(t, "keepalive 2m\n", idle, 2*idle)
	if len(pauses) == 0 {
		t.Error("none is lost: the test sees nothing")
	}
	for _, pause := range pauses {
		// A round trip before and after, and one of the upload itself.
		if pause < idle-4*far || pause > idle+4*far {
			t.Errorf("lost after %v", pause)
		}
	}
}

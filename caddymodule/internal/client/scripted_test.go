// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/client"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/wire"
)

// maxScriptedHeader is the largest response header that the clients of scripted
// connections take.
const maxScriptedHeader = 2 << 10

// scripted is a connection to an upstream that responds with prepared bytes as soon as it
// has got all of a request, in pieces of the given sizes over and over, and then hangs up.
type scripted struct {
	sizes []byte
	end   []byte // of the request

	begun     chan struct{} // all of the request was written, or the connection closed
	beginOnce sync.Once
	closed    chan struct{}
	closeOnce sync.Once

	mu       sync.Mutex
	response []byte // what is left of it
	reads    int
	returned int // bytes
	written  bytes.Buffer
}

func newScripted(body string, response, sizes []byte) *scripted {
	return &scripted{response: response, sizes: sizes, end: []byte("\r\n\r\n" + body), begun: make(chan struct{}), closed: make(chan struct{})}
}

func (s *scripted) begin() { s.beginOnce.Do(func() { close(s.begun) }) }

func (s *scripted) Read(p []byte) (int, error) {
	<-s.begun
	s.mu.Lock()
	defer s.mu.Unlock()
	size := len(p)
	if len(s.sizes) > 0 {
		size = 1 + int(s.sizes[s.reads%len(s.sizes)])
	}
	s.reads++
	n := copy(p[:min(size, len(p))], s.response)
	s.response = s.response[n:]
	s.returned += n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (s *scripted) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.written.Write(p)
	if bytes.HasSuffix(s.written.Bytes(), s.end) {
		s.begin()
	}
	return n, err
}

func (s *scripted) Close() error {
	s.closeOnce.Do(func() { close(s.closed) })
	s.begin()
	return nil
}

func (*scripted) LocalAddr() net.Addr              { return new(net.TCPAddr) }
func (*scripted) RemoteAddr() net.Addr             { return new(net.TCPAddr) }
func (*scripted) SetDeadline(time.Time) error      { return nil }
func (*scripted) SetReadDeadline(time.Time) error  { return nil }
func (*scripted) SetWriteDeadline(time.Time) error { return nil }

// hasRead returns how many bytes have been read.
func (s *scripted) hasRead() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.returned
}

// checkClosed waits until the connection is closed.
func (s *scripted) checkClosed(t *testing.T) {
	t.Helper()
	select {
	case <-s.closed:
	case <-time.After(soon):
		t.Fatal("the connection stays open")
	}
}

// scriptedTransport returns a transport that dials nothing but a scripted connection.
func scriptedTransport(dial func() net.Conn) *http.Transport {
	connect := func(context.Context, string, string) (net.Conn, error) { return dial(), nil }
	return &http.Transport{
		DialContext: connect, DialTLSContext: connect, DisableCompression: true, MaxResponseHeaderBytes: maxScriptedHeader,
	}
}

// scriptedClients returns this package's client and Go's, each with a connection of its own,
// for one request with a body.
func scriptedClients(body string, response, sizes []byte) (ours *client.Client, ourConn *scripted, gos *http.Transport, gosConn *scripted) {
	ourConn, gosConn = newScripted(body, response, sizes), newScripted(body, response, sizes)
	ours = client.New(scriptedTransport(func() net.Conn { return wire.NewConn(ourConn, nil, false) }), false)
	return ours, ourConn, scriptedTransport(func() net.Conn { return gosConn }), gosConn
}

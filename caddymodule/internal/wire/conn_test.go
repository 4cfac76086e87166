// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/wire"
)

// Only a head that announces a body is held back.
func TestOtherWritesLeaveAtOnce(t *testing.T) {
	const request = "POST /base/ HTTP/1.1\r\nHost: example.com\r\n"
	tests := map[string]struct {
		write string
		waits bool
	}{
		"a head":                  {head, true},
		"a head, chunked":         {request + "Transfer-Encoding: chunked\r\nAccept: */*\r\n\r\n", true},
		"without a body":          {"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", false},
		"with an empty body":      {request + "Content-Length: 0\r\n\r\n", false},
		"that waits to be asked":  {request + "Content-Length: 10\r\nExpect: 100-continue\r\n\r\n", false},
		"half a head":             {request + "Content-Length: 10\r\n", false},
		"a head that is too long": {request + "Content-Length: 10\r\nX: " + strings.Repeat("x", wire.SmallBuffer) + "\r\n\r\n", false},
		"what follows a head":     {"X: y\r\nContent-Length: 10\r\n\r\n", false},
		"HTTP/2":                  {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", false},
		"a tunnel":                {"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", false},
		"something else":          {"\x16\x03\x01", false},
		"an end of line":          {"\r\n", false},
		"nothing":                 {"", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := new(sink)
				if n, err := io.WriteString(wire.NewConn(w, nil, false), test.write); n != len(test.write) || err != nil {
					t.Fatalf("got %d, %v", n, err)
				}
				if waits := w.written() != test.write; waits != test.waits {
					t.Errorf("it waits: %v", waits)
				}
				time.Sleep(wire.MaxHold)
				synctest.Wait()
				if w.written() != test.write {
					t.Errorf("then %q was written", w.written())
				}
			})
		})
	}
}

// A head that is held back leaves with the next write, whatever that is.
func TestAHeadGoesWithTheNextWrite(t *testing.T) {
	for _, next := range []string{"7\r\nchunked\r\n", strings.Repeat("x", wire.LargeBuffer)} {
		w := new(sink)
		c := wire.NewConn(w, nil, false)
		for _, text := range []string{head, next} {
			if _, err := io.WriteString(c, text); err != nil {
				t.Fatal(err)
			}
		}
		if w.written() != head+next {
			t.Errorf("writes of %v", w.sizes())
		}
		if len(next) < wire.SmallBuffer && len(w.writes) > 1 {
			t.Errorf("%d writes", len(w.writes))
		}
	}
}

func TestClosingForWritingIsPassedOn(t *testing.T) {
	client, server := connections(t)
	if err := wire.NewConn(client, nil, false).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(server); len(rest) > 0 || err != nil {
		t.Errorf("got %q, %v", rest, err)
	}
	if err := wire.NewConn(new(sink), nil, false).CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

// connections returns the ends of one over loopback.
func connections(t *testing.T) (client, server net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if client, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Close()
	})
	return client, server
}

// counted counts the writes of a connection.
type counted struct {
	net.Conn

	mu     sync.Mutex
	writes []int
	first  []byte // of each write
}

func (c *counted) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.writes, c.first = append(c.writes, len(p)), append(c.first, p[0])
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// overTLS returns a connection over TLS, what it writes to, and the other end.
func overTLS(t *testing.T) (*wire.Conn, *counted, *tls.Conn) {
	t.Helper()
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	t.Cleanup(certified.Close)
	client, server := connections(t)
	below := &counted{Conn: client}
	records := wire.NewRecords(below)
	tlsClient := tls.Client(records, &tls.Config{InsecureSkipVerify: true, DynamicRecordSizingDisabled: true})
	tlsServer := tls.Server(server, certified.TLS)
	shaken := make(chan error, 1)
	go func() { shaken <- tlsServer.Handshake() }()
	if err := errors.Join(tlsClient.Handshake(), <-shaken); err != nil {
		t.Fatal(err)
	}
	below.writes, below.first = nil, nil
	return wire.NewConn(tlsClient, records, false), below, tlsServer
}

func TestOverTLSManyRecordsAreOneWrite(t *testing.T) {
	const size = 16 << 20
	c, below, server := overTLS(t)
	received := make(chan string, 1)
	go func() {
		content := make([]byte, len(head)+size)
		_, _ = io.ReadFull(server, content)
		received <- string(content)
	}()
	body := &script{steps: []step{{0, size}}}
	if n, err := upload(t, c, head, io.LimitReader(body, size)); n != size || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if <-received != head+body.read.String() {
		t.Error("what arrived is not what was sent")
	}
	// Each write has two records of a slow body, and more of a fast one.
	if most := size/wire.SmallBuffer + 2; len(below.writes) > most {
		t.Errorf("%d writes, want %d at most", len(below.writes), most)
	}
	const recordOverhead = 5 + 8 + 16 // TLS 1.2 has the most
	all := 0
	for _, n := range below.writes {
		all += n
	}
	if records := (len(head)+size)/(16<<10) + len(below.writes); all > len(head)+size+records*recordOverhead {
		t.Errorf("%d bytes for %d: the records are small", all, size)
	}
}

func TestOverTLSASmallUploadIsOneWrite(t *testing.T) {
	c, below, server := overTLS(t)
	go func() { _, _ = io.Copy(io.Discard, server) }()
	if _, err := upload(t, c, head, io.LimitReader(&script{steps: []step{{0, 20000}}}, 20000)); err != nil {
		t.Fatal(err)
	}
	if len(below.writes) != 1 {
		t.Errorf("writes of %v", below.writes)
	}
}

// A connection that broke between two records is not written to again.
func TestOverTLSAnErrorOfAWriteEndsTheBody(t *testing.T) {
	c, below, _ := overTLS(t)
	_ = below.Close()
	if n, err := upload(t, c, head, &script{steps: []step{{0, 10 << 20}}}); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %d, %v", n, err)
	}
	if _, err := io.WriteString(c, "more"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the next write: %v", err)
	}
}

// flaky is a connection that fails once.
type flaky struct {
	net.Conn
	failed bool
}

func (f *flaky) Write(p []byte) (int, error) {
	if !f.failed {
		f.failed = true
		return 0, errBroken
	}
	return f.Conn.Write(p)
}

// After records that were lost, no others leave.
func TestNoRecordsFollowThoseThatWereLost(t *testing.T) {
	w := new(sink)
	r := wire.NewRecords(&flaky{Conn: w})
	r.Gather()
	record := make([]byte, 16<<10)
	record[0] = wire.ApplicationData
	for range 10 {
		_, _ = r.Write(record)
	}
	if err := r.Flush(); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	if _, err := r.Write([]byte("alert")); !errors.Is(err, errBroken) || len(w.writes) > 0 {
		t.Errorf("got %v, writes of %v", err, w.sizes())
	}
}

// Records of TLS itself are not held back, such as the alert that closes the connection.
func TestOverTLSTheEndIsReported(t *testing.T) {
	c, _, server := overTLS(t)
	if _, err := upload(t, c, head, &script{steps: []step{{0, 100}}}); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if _, err := io.ReadAll(server); err != nil { // or the end is unexpected
		t.Error(err)
	}
}

// Records are not gathered between uploads, or in a handshake.
func TestOverTLSOtherWritesLeaveAtOnce(t *testing.T) {
	c, _, server := overTLS(t)
	for _, text := range []string{"GET / HTTP/1.1\r\n\r\n", "pong"} {
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		_ = server.SetReadDeadline(time.Now().Add(10 * time.Second))
		got := make([]byte, len(text))
		if _, err := io.ReadFull(server, got); err != nil || string(got) != text {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

// A handshake may begin while a body is sent, and waits for its response.
func TestHandshakeRecordsLeaveAtOnce(t *testing.T) {
	w := new(sink)
	r := wire.NewRecords(w)
	r.Gather()
	gathered, handshake := string([]byte{wire.ApplicationData, 3, 3, 0, 1, 0}), string([]byte{22, 3, 3, 0, 1, 0})
	for _, record := range []string{gathered, handshake} {
		if _, err := io.WriteString(r, record); err != nil {
			t.Fatal(err)
		}
	}
	if w.written() != gathered+handshake {
		t.Errorf("written %q", w.written())
	}
}

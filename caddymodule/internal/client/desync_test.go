// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/client"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
)

// unasked is a response without a request.
const unasked = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nunasked"

// Data that arrives without a request is not taken for a response, however soon the next request follows.
func TestWhatComesUnaskedIsNoResponse(t *testing.T) {
	for name, pause := range map[string]time.Duration{"with the response": 0, "soon after": time.Millisecond} {
		address := startRaw(t, func(connection net.Conn, number int) {
			reader := bufio.NewReader(connection)
			for {
				if _, _, err := rawtest.ReadRequest(reader); err != nil {
					return
				}
				text, rest := ok, ""
				if number == 0 {
					rest = unasked
				}
				if pause == 0 {
					text, rest = ok+rest, ""
				}
				_, _ = io.WriteString(connection, text)
				time.Sleep(pause)
				_, _ = io.WriteString(connection, rest)
			}
		})
		c := newTestClient(t, nil)
		for range 2 {
			response, err := c.RoundTrip(post(t, address, "body", true))
			if _, text := readResponse(t, response, err); text != "ok" {
				t.Errorf("%s: got %q", name, text)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// buffered is a connection that gathers what is written between two reads into one write.
type buffered struct {
	net.Conn
	writer *bufio.Writer
}

func (b buffered) Write(p []byte) (int, error) { return b.writer.Write(p) }

func (b buffered) Read(p []byte) (int, error) {
	_ = b.writer.Flush()
	return b.Conn.Read(p)
}

// The same over TLS, where what was read of the connection may not have been
// decrypted, or not been asked for.
func TestWhatComesUnaskedOverTLSIsNoResponse(t *testing.T) {
	template := httptest.NewTLSServer(nil)
	config := &tls.Config{Certificates: template.TLS.Certificates, DynamicRecordSizingDisabled: true}
	template.Close()
	long := "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + strings.Repeat("o", 10000)
	for name, apart := range map[string]bool{"in the same record": false, "in a record of its own": true} {
		address := startRaw(t, func(connection net.Conn, number int) {
			secure := tls.Server(buffered{connection, bufio.NewWriterSize(connection, 64<<10)}, config)
			reader := bufio.NewReader(secure)
			for {
				if _, _, err := rawtest.ReadRequest(reader); err != nil {
					return
				}
				switch {
				case number > 0:
					_, _ = io.WriteString(secure, long)
				case apart: // and they arrive together
					_, _ = io.WriteString(secure, long)
					_, _ = io.WriteString(secure, unasked)
				default:
					_, _ = io.WriteString(secure, long+unasked)
				}
			}
		})
		c := newTestClient(t, nil)
		for range 2 {
			response, err := c.RoundTrip(post(t, strings.Replace(address, "http:", "https:", 1), "body", true))
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			_, _ = io.CopyBuffer(struct{ io.Writer }{&text}, struct{ io.Reader }{response.Body}, make([]byte, 32<<10))
			if text.Len() != 10000 {
				t.Errorf("%s: got %q", name, text.String())
			}
			time.Sleep(settled)
		}
		if c.dialled.Load() != 2 {
			t.Errorf("%s: %d connections", name, c.dialled.Load())
		}
	}
}

// A connection that is closed as soon as it is idle costs no upload.
func TestAConnectionThatIsClosedSoonIsNotUsed(t *testing.T) {
	address := hangsUp(t, 1, true)
	c := newTestClient(t, nil)
	for range 3 {
		response, err := c.RoundTrip(post(t, address, "body", true))
		readResponse(t, response, err)
		time.Sleep(5 * time.Millisecond)
	}
}

// impatient is a connection whose reads time out soon, as with Caddy's read_timeout.
type impatient struct{ *net.TCPConn }

func (i impatient) Read(p []byte) (int, error) {
	_ = i.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	return i.TCPConn.Read(p)
}

// After a timeout, the request is not repeated on another connection.
func TestATimeoutIsNotRepeated(t *testing.T) {
	var asked atomic.Int32
	release := make(chan struct{})
	address := startServer(t, false, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/silent" {
			asked.Add(1)
			<-release
		}
	})
	defer close(release)
	for name, configure := range map[string]func(*http.Transport){
		"of a response": func(transport *http.Transport) { transport.ResponseHeaderTimeout = 100 * time.Millisecond },
		"of a connection": func(transport *http.Transport) {
			transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				connection, err := new(net.Dialer).DialContext(ctx, network, address)
				if err != nil {
					return nil, err
				}
				return impatient{connection.(*net.TCPConn)}, nil
			}
		},
	} {
		asked.Store(0)
		c := newTestClient(t, configure)
		for _, path := range []string{"/", "/silent"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := c.RoundTrip(r)
			if path == "/" {
				readResponse(t, response, err)
				time.Sleep(settled)
			} else if !client.IsTimeout(err) {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if asked.Load() != 1 {
			t.Errorf("%s: it was asked %d times", name, asked.Load())
		}
	}
}

// An upstream that hangs up while the client pauses is noticed with the client's
// next byte, and no more of the body is read.
func TestAnUpstreamThatHangsUpEndsTheBody(t *testing.T) {
	address := startRaw(t, func(connection net.Conn, _ int) { _, _ = http.ReadRequest(bufio.NewReader(connection)) })
	reads := 0
	slow := rawtest.ReaderFunc(func(p []byte) (int, error) {
		if reads++; reads > 1 {
			time.Sleep(200 * time.Millisecond)
		}
		return copy(p, "x"), nil
	})
	_, err := newTestClient(t, nil).RoundTrip(postBody(t, address, io.LimitReader(slow, 1000), 1000, true))
	if err == nil || reads > 5 {
		t.Errorf("got %v after %d reads", err, reads)
	}
}

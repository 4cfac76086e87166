// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
)

// All requests to a host share its connections, those without a body too: so a
// health check keeps one open.
func TestRequestsShareConnections(t *testing.T) {
	for _, secure := range []bool{false, true} {
		c := newTestClient(t, nil)
		address := startServer(t, secure, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
		for _, body := range []string{"small", large, "small"} {
			response, err := c.RoundTrip(post(t, address, body, true))
			readResponse(t, response, err)
			time.Sleep(settled) // it may get its response before the goroutine that sends has finished
			get, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err = c.RoundTrip(get)
			readResponse(t, response, err)
			time.Sleep(settled) // over TLS, session tickets have arrived by then, which must not close the connection
		}
		if c.dialled.Load() != 1 {
			t.Errorf("secure %v: %d connections", secure, c.dialled.Load())
		}
		other := startServer(t, secure, func(http.ResponseWriter, *http.Request) {})
		response, err := c.RoundTrip(post(t, other, "body", true))
		readResponse(t, response, err)
		if c.dialled.Load() != 2 {
			t.Errorf("secure %v: %d connections to two hosts", secure, c.dialled.Load())
		}
	}
}

// hangsUp is an upstream that responds to the given number of requests over each connection,
// and then closes it: at once, or on the next request.
func hangsUp(t *testing.T, requests int, atOnce bool) string {
	t.Helper()
	return startRaw(t, func(connection net.Conn, _ int) {
		reader := bufio.NewReader(connection)
		for range requests {
			if _, _, err := rawtest.ReadRequest(reader); err != nil {
				return
			}
			_, _ = io.WriteString(connection, ok)
		}
		if !atOnce {
			_, _, _ = rawtest.ReadRequest(reader)
		}
	})
}

// No request fails because the upstream has closed an idle connection.
func TestAClosedConnectionIsNotUsed(t *testing.T) {
	address := hangsUp(t, 1, true)
	c := newTestClient(t, nil)
	for range 3 {
		response, err := c.RoundTrip(post(t, address, "body", true))
		readResponse(t, response, err)
		time.Sleep(settled)
	}
	if c.dialled.Load() != 3 {
		t.Errorf("%d connections", c.dialled.Load())
	}
}

// A request whose connection is just being closed is repeated only if that is safe.
func TestWhatIsSentAgain(t *testing.T) {
	for method, again := range map[string]bool{http.MethodGet: true, http.MethodHead: true, http.MethodDelete: false, http.MethodPost: false} {
		address := hangsUp(t, 1, false)
		c := newTestClient(t, nil)
		for number := range 2 {
			r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := c.RoundTrip(r)
			if err == nil {
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
			if wanted := number == 0 || again; (err == nil) != wanted {
				t.Errorf("%s, number %d: got %v", method, number, err)
			}
		}
	}
	// But not without end.
	c := newTestClient(t, nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, hangsUp(t, 0, false), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.RoundTrip(r); err == nil || c.dialled.Load() != 1 {
		t.Errorf("got %v after %d connections", err, c.dialled.Load())
	}
}

// No more idle connections are retained than the transport's limit.
func TestIdleConnectionsAreLimited(t *testing.T) {
	const most = 3
	var arrived sync.WaitGroup
	arrived.Add(2 * most)
	address := startServer(t, false, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived.Done()
		arrived.Wait()
	})
	c := newTestClient(t, func(t *http.Transport) { t.MaxIdleConnsPerHost = most })
	var running sync.WaitGroup
	for range 2 * most {
		running.Go(func() {
			response, err := c.RoundTrip(post(t, address, "body", true))
			if err == nil {
				_, err = io.Copy(io.Discard, response.Body)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	c.checkOpen(t, most)
}

// Once the idle connections are closed, none is retained: the module is being unloaded.
func TestCloseIdleConnectionsIsTheEnd(t *testing.T) {
	c := newTestClient(t, nil)
	begun, goOn := make(chan struct{}), make(chan struct{})
	address := startServer(t, false, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/slow" {
			close(begun)
			<-goOn
		}
	})
	response, err := c.RoundTrip(post(t, address, "body", true))
	readResponse(t, response, err)
	var running sync.WaitGroup
	running.Go(func() {
		response, err := c.RoundTrip(post(t, address+"/slow", "body", true))
		readResponse(t, response, err) // it is not broken off
	})
	<-begun
	c.CloseIdleConnections()
	close(goOn)
	running.Wait()
	c.checkOpen(t, 0)
}

// quietPipe is a connection that is in memory, on which nothing comes unasked.
type quietPipe struct{ net.Conn }

func (quietPipe) Readable() bool { return false }

// closable is a quietPipe that records that it has been closed.
type closable struct {
	quietPipe
	closed atomic.Bool
}

func (c *closable) Close() error {
	c.closed.Store(true)
	return c.quietPipe.Close()
}

// A connection that has been idle for too long is closed at that time, and not used.
func TestIdleConnectionsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = 30 * time.Second
		var made []*closable
		c := newTestClient(t, func(transport *http.Transport) {
			transport.IdleConnTimeout = timeout
			transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
				near, far := net.Pipe()
				go func() {
					defer far.Close()
					reader := bufio.NewReader(far)
					for {
						if _, _, err := rawtest.ReadRequest(reader); err != nil {
							return
						}
						_, _ = io.WriteString(far, ok)
					}
				}()
				made = append(made, &closable{quietPipe: quietPipe{near}})
				return made[len(made)-1], nil
			}
		})
		upload := func(address string) {
			response, err := c.RoundTrip(post(t, address, "body", true))
			readResponse(t, response, err)
		}
		isClosed := func(number int) bool {
			synctest.Wait()
			return made[number].closed.Load()
		}
		upload("http://one.example")
		time.Sleep(timeout / 2)
		upload("http://two.example")
		time.Sleep(timeout/2 - time.Second)
		if isClosed(0) {
			t.Error("the first is closed too early")
		}
		time.Sleep(time.Second)
		if !isClosed(0) || isClosed(1) {
			t.Error("the first is not closed in time, or the second too early")
		}
		upload("http://two.example") // which begins anew
		time.Sleep(timeout - time.Second)
		if isClosed(1) || len(made) != 2 {
			t.Error("the second is closed although it was used")
		}
		time.Sleep(time.Second)
		if !isClosed(1) {
			t.Error("the second is not closed")
		}
		upload("http://two.example")
		if len(made) != 3 {
			t.Error("one that has expired was used")
		}
		time.Sleep(time.Hour)
	})
}

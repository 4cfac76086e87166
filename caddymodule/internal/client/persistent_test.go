// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/wire"
)

// soon is far less than any deadline here, and far more than a slow machine needs.
const soon = 20 * time.Second

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// bothWays runs a test with requests that are sent in their caller's goroutine, and with
// others.
func bothWays(t *testing.T, test func(t *testing.T, direct bool)) {
	t.Helper()
	for _, direct := range []bool{false, true} {
		t.Run(fmt.Sprintf("direct %v", direct), func(t *testing.T) { test(t, direct) })
	}
}

// A body that breaks off ends the request with the body's error, and the request does not
// arrive complete. If there is a response nevertheless, it is returned.
func TestABodyThatBreaksOffIsNotTakenForComplete(t *testing.T) {
	errBroken := errors.New("broken")
	bothWays(t, func(t *testing.T, direct bool) {
		t.Helper()
		complete := make(chan error, 1)
		address := startRaw(t, func(connection net.Conn, _ int) {
			_, _, err := rawtest.ReadRequest(bufio.NewReader(connection))
			complete <- err
		})
		body := io.MultiReader(strings.NewReader("the beginning"), rawtest.ReaderFunc(func([]byte) (int, error) { return 0, errBroken }))
		c := newTestClient(t, nil)
		if _, err := c.RoundTrip(postBody(t, address, body, 1000, direct)); err != errBroken { //nolint:errorlint // as it is
			t.Errorf("got %v", err)
		}
		if err := <-complete; err == nil {
			t.Error("it arrived complete")
		}
	})
	address := startRaw(t, func(connection net.Conn, _ int) {
		_, _ = http.ReadRequest(bufio.NewReader(connection))
		_, _ = io.WriteString(connection, ok)
		_, _ = io.Copy(io.Discard, connection)
	})
	body := io.MultiReader(strings.NewReader("the beginning"), rawtest.ReaderFunc(func([]byte) (int, error) {
		time.Sleep(time.Second / 5)
		return 0, errBroken
	}))
	response, err := newTestClient(t, nil).RoundTrip(postBody(t, address, body, 1000, true))
	if status, _ := readResponse(t, response, err); status != http.StatusOK {
		t.Errorf("got %d", status)
	}
}

// A request ends when its context does, at whatever point it is.
func TestRequestsAreCancelled(t *testing.T) {
	bothWays(t, func(t *testing.T, direct bool) {
		t.Helper()
		waiting := make(chan struct{})
		address := startRaw(t, func(connection net.Conn, _ int) {
			request, _, err := rawtest.ReadRequest(bufio.NewReader(connection))
			if err == nil && request.URL.Path == "/half" {
				_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
			}
			waiting <- struct{}{}
			_, _ = io.Copy(io.Discard, connection)
		})
		for path, body := range map[string]string{"/": "small", "/large": large, "/half": "small"} {
			ctx, cancel := context.WithCancelCause(t.Context())
			r := post(t, address+path, body, direct)
			if direct {
				ctx = handover.With(ctx, &handover.Request{Interrupter: none{}})
			}
			go func() { <-waiting; cancel(io.ErrNoProgress) }()
			c := newTestClient(t, nil)
			response, err := c.RoundTrip(r.WithContext(ctx))
			if path == "/half" && err == nil {
				_, err = io.ReadAll(response.Body)
			}
			if !errors.Is(err, io.ErrNoProgress) {
				t.Errorf("%s: got %v", path, err)
			}
			c.checkOpen(t, 0) // it is not reused
		}
	})
}

// The time for a response begins when the request has been sent.
func TestAResponseMayTakeSoLong(t *testing.T) {
	release := make(chan struct{})
	address := startRaw(t, func(connection net.Conn, _ int) {
		reader := bufio.NewReader(connection)
		for {
			request, _, err := rawtest.ReadRequest(reader)
			if err != nil {
				return
			}
			if request.URL.Path == "/silent" {
				<-release
				return
			}
			_, _ = io.WriteString(connection, ok)
		}
	})
	defer close(release)
	const timeout = 200 * time.Millisecond
	c := newTestClient(t, func(t *http.Transport) { t.ResponseHeaderTimeout = timeout })
	slow := rawtest.ReaderFunc(func(p []byte) (int, error) {
		time.Sleep(timeout / 2)
		return copy(p, "x"), nil
	})
	response, err := c.RoundTrip(postBody(t, address, io.LimitReader(slow, 4), 4, true))
	if status, _ := readResponse(t, response, err); status != http.StatusOK {
		t.Errorf("got %d", status)
	}
	time.Sleep(2 * timeout) // the timeout must not be running while the connection is idle
	response, err = c.RoundTrip(post(t, address, large, true))
	if status, _ := readResponse(t, response, err); status != http.StatusOK || c.dialled.Load() != 1 {
		t.Errorf("got %d over connection %d", status, c.dialled.Load())
	}
	_, err = c.RoundTrip(post(t, address+"/silent", "body", true))
	if timeout, isTimeout := err.(net.Error); !isTimeout || !timeout.Timeout() { //nolint:errorlint // as proxies look
		t.Errorf("got %v", err)
	}
}

// Responses in all framings are read to their end, and the connection is reused if that end
// is certain.
func TestResponsesOfAllKinds(t *testing.T) {
	tests := map[string]struct {
		response, want string
		status         int
		kept           bool
	}{
		"of a length":              {ok, "ok", 200, true},
		"in chunks":                {"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "ok", 201, true},
		"with a trailer":           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n", "ok", 200, true},
		"empty":                    {"HTTP/1.1 204 No Content\r\n\r\n", "", 204, true},
		"of length 0":              {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", 200, true},
		"after hints":              {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n" + ok, "ok", 200, true},
		"of no known class":        {"HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\nok", "ok", 99, true},
		"to the end":               {"HTTP/1.1 200 OK\r\n\r\nok", "ok", 200, false},
		"of HTTP/1.0":              {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", 200, false},
		"the last":                 {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "ok", 200, false},
		"and another":              {ok + ok, "ok", 200, false},
		"a switch, without asking": {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "", 101, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			address := startRaw(t, func(connection net.Conn, _ int) {
				reader := bufio.NewReader(connection)
				for {
					if _, _, err := rawtest.ReadRequest(reader); err != nil {
						return
					}
					_, _ = io.WriteString(connection, test.response)
					if name == "to the end" {
						return
					}
				}
			})
			c := newTestClient(t, nil)
			for range 2 {
				response, err := c.RoundTrip(post(t, address, "body", true))
				if status, body := readResponse(t, response, err); status != test.status || body != test.want {
					t.Errorf("got %d %q", status, body)
				}
				time.Sleep(settled)
			}
			if kept := c.dialled.Load() == 1; kept != test.kept {
				t.Errorf("the connection is kept: %v", kept)
			}
		})
	}
}

// Data that is not a response is an error.
func TestResponsesThatAreNone(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":           "",
		"something else":    "SSH-2.0-OpenSSH_9.2\r\n\r\n",
		"half a header":     "HTTP/1.1 200 OK\r\nContent-Le",
		"too large":         "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n",
		"too large for now": "HTTP/1.1 103 Early Hints\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n" + ok,
	} {
		address := startRaw(t, func(connection net.Conn, _ int) {
			_, _, _ = rawtest.ReadRequest(bufio.NewReader(connection))
			_, _ = io.WriteString(connection, text)
		})
		c := newTestClient(t, func(t *http.Transport) { t.MaxResponseHeaderBytes = 16 << 10 })
		response, err := c.RoundTrip(post(t, address, "body", true))
		if err == nil {
			_ = response.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		c.checkOpen(t, 0)
	}
	// A trace that handles interim responses limits their number itself.
	address := startRaw(t, func(connection net.Conn, _ int) {
		_, _, _ = rawtest.ReadRequest(bufio.NewReader(connection))
		for range 4 {
			_, _ = io.WriteString(connection, "HTTP/1.1 103 Early Hints\r\nX: "+strings.Repeat("x", 10<<10)+"\r\n\r\n")
		}
		_, _ = io.WriteString(connection, ok)
	})
	var hints int
	trace := &httptrace.ClientTrace{Got1xxResponse: func(int, textproto.MIMEHeader) error { hints++; return nil }}
	r := post(t, address, "body", true)
	c := newTestClient(t, func(t *http.Transport) { t.MaxResponseHeaderBytes = 16 << 10 })
	response, err := c.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if status, _ := readResponse(t, response, err); status != http.StatusOK || hints != 4 {
		t.Errorf("got %d after %d hints", status, hints)
	}
}

// Each request gets its own response, also if others on the same connections break off at
// any place.
func TestManyRequestsDoNotMeet(t *testing.T) {
	for _, secure := range []bool{false, true} {
		address := startServer(t, secure, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/early") {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
				_, _ = io.WriteString(w, r.URL.Path)
				return
			}
			n, err := io.Copy(io.Discard, r.Body)
			if err == nil {
				fmt.Fprint(w, r.URL.Path, n)
			}
		})
		c := newTestClient(t, nil)
		var running sync.WaitGroup
		for worker := range 16 {
			running.Go(func() {
				random := rand.New(rand.NewPCG(uint64(worker), 1))
				for i := range 60 {
					manyRequests(t, c, random, address, fmt.Sprintf("/%d-%d-", worker, i))
				}
			})
		}
		running.Wait()
		if dialled := c.dialled.Load(); dialled == 16*60 {
			t.Error("no connection was used again")
		}
	}
}

func manyRequests(t *testing.T, c *testClient, random *rand.Rand, address, path string) {
	t.Helper()
	size := []int{1, 1000, wire.SmallBuffer, 200 << 10}[random.IntN(4)]
	kind := random.IntN(8)
	if kind == 0 {
		path = "/early" + path
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var body io.Reader = strings.NewReader(strings.Repeat("x", size))
	if kind == 1 {
		body = io.MultiReader(io.LimitReader(body, int64(size/2)), rawtest.ReaderFunc(func([]byte) (int, error) { return 0, io.ErrClosedPipe }))
	}
	r := postBody(t, address+path, struct{ io.Reader }{body}, size, false)
	if random.IntN(2) == 0 {
		ctx = handover.With(ctx, &handover.Request{Interrupter: none{}})
	}
	if kind == 2 {
		time.AfterFunc(time.Duration(random.IntN(1000))*time.Microsecond, cancel)
	}
	response, err := c.RoundTrip(r.WithContext(ctx))
	if err != nil {
		if kind != 1 && kind != 2 {
			t.Errorf("%s: %v", path, err)
		}
		return
	}
	defer response.Body.Close()
	if kind == 3 {
		return // its body does not matter
	}
	text, err := io.ReadAll(response.Body)
	want := path
	if kind != 0 {
		want += fmt.Sprint(size)
	}
	if kind != 2 && err != nil || err == nil && string(text) != want {
		t.Errorf("%s, kind %d: got %d %q, %v, want %q", path, kind, response.StatusCode, text, err, want)
	}
}

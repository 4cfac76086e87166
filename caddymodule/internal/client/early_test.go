// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/client"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/wire"
)

// inTime runs a test in a bubble with either way of sending, over connections in memory. The
// other end gets the head of a request and a reader of what follows.
func inTime(t *testing.T, serve func(connection net.Conn, request *http.Request), test func(t *testing.T, c *testClient, direct bool)) {
	t.Helper()
	bothWays(t, func(t *testing.T, direct bool) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			c := newTestClient(t, func(transport *http.Transport) {
				transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
					near, far := net.Pipe()
					go func() {
						defer far.Close()
						if request, err := http.ReadRequest(bufio.NewReader(far)); err == nil {
							serve(far, request)
						}
					}()
					return quietPipe{near}, nil
				}
			})
			test(t, c, direct)
			time.Sleep(2 * wire.MaxHold) // after which nothing is running any more
		})
	})
}

// startRefusing starts a server that responds as soon as it has seen the head of a
// request: 413, with the given part of a body of five bytes. Then it calls a function.
func startRefusing(t *testing.T, text string, rest func(connection net.Conn)) string {
	t.Helper()
	return startRaw(t, func(connection net.Conn, _ int) {
		if _, err := http.ReadRequest(bufio.NewReader(connection)); err == nil {
			_, _ = io.WriteString(connection, "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\n"+text)
			rest(connection)
		}
	})
}

// hesitant is a body whose pieces come with pauses, which cannot be interrupted.
type hesitant struct {
	none
	pieces []string
	pause  time.Duration
}

func (h *hesitant) Read(p []byte) (int, error) {
	if len(h.pieces) == 0 {
		return 0, io.EOF
	}
	time.Sleep(h.pause)
	n := copy(p, h.pieces[0])
	h.pieces = h.pieces[1:]
	return n, nil
}

// Invariant 10: the response of the upstream arrives, even if it sends it before the body is
// complete and the client sends nothing more.
func TestInvariant10AnEarlyResponseIsNotKeptWaiting(t *testing.T) {
	bothWays(t, func(t *testing.T, direct bool) {
		t.Helper()
		responded := make(chan struct{})
		address := startRefusing(t, "large", func(net.Conn) { <-responded })
		c := newTestClient(t, nil)
		body := newInterrupted("the beginning")
		timer := time.AfterFunc(soon, body.Interrupt)
		response, err := c.RoundTrip(postBody(t, address, body, 1000, direct))
		if status, text := readResponse(t, response, err); status != http.StatusRequestEntityTooLarge || text != "large" {
			t.Errorf("got %d %q", status, text)
		}
		if !timer.Stop() {
			t.Error("it was kept waiting")
		}
		body.Interrupt()
		close(responded)
		c.checkOpen(t, 0) // it is not reused
	})
}

// The same when the upstream reads no more either, so that the write blocks and not the
// body.
func TestAnEarlyResponseIsHeardWhileNothingCanBeSent(t *testing.T) {
	stuck := make(chan struct{})
	near, far := net.Pipe() // it buffers nothing
	go func() {
		reader := bufio.NewReaderSize(far, 16)
		_, _ = reader.ReadString('\n')
		_, _ = io.WriteString(far, "HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n")
		<-stuck
	}()
	t.Cleanup(func() { close(stuck); _ = far.Close() })
	c := newTestClient(t, func(t *http.Transport) {
		t.DialContext = func(context.Context, string, string) (net.Conn, error) { return near, nil }
	})
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	r := post(t, "http://example.com/", strings.Repeat("x", wire.SmallBuffer), true)
	response, err := c.RoundTrip(r.WithContext(handover.With(ctx, &handover.Request{Interrupter: none{}})))
	if status, _ := readResponse(t, response, err); status != http.StatusTooManyRequests {
		t.Errorf("got %d", status)
	}
}

// A response that has begun may take its time.
func TestAnEarlyResponseMayComeSlowly(t *testing.T) {
	bothWays(t, func(t *testing.T, direct bool) {
		t.Helper()
		responded := make(chan struct{})
		address := startRefusing(t, "la", func(connection net.Conn) {
			<-responded
			time.Sleep(2 * client.ResponseBeginWait)
			_, _ = io.WriteString(connection, "rge")
		})
		body := newInterrupted("the beginning")
		response, err := newTestClient(t, nil).RoundTrip(postBody(t, address, body, 1000, direct))
		body.Interrupt()
		close(responded)
		if status, text := readResponse(t, response, err); status != http.StatusRequestEntityTooLarge || text != "large" {
			t.Errorf("got %d %q", status, text)
		}
	})
}

// A response arrives also if the upstream closes the connection right after it.
func TestAResponseBeforeTheUpstreamHangsUpIsHeard(t *testing.T) {
	address := startRaw(t, func(connection net.Conn, _ int) {
		_, _ = http.ReadRequest(bufio.NewReader(connection))
		_, _ = io.WriteString(connection, "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")
		_ = connection.(*net.TCPConn).CloseWrite()
		time.Sleep(time.Second / 10)
	})
	for _, body := range []string{"small", large} {
		response, err := newTestClient(t, nil).RoundTrip(post(t, address, body, true))
		if status, text := readResponse(t, response, err); status != http.StatusForbidden || text != "no" {
			t.Errorf("%d bytes: got %d %q", len(body), status, text)
		}
	}
}

// Invariant 10, its other half: an interim response does not end the body of its request.
func TestInvariant10AnInterimResponseEndsNothing(t *testing.T) {
	for _, interim := range []string{"100 Continue", "102 Processing", "103 Early Hints"} {
		inTime(t, func(connection net.Conn, request *http.Request) {
			_, _ = io.WriteString(connection, "HTTP/1.1 "+interim+"\r\n\r\n")
			if body, err := io.ReadAll(request.Body); err == nil && string(body) == "onetwosix" {
				_, _ = io.WriteString(connection, ok)
			}
		}, func(t *testing.T, c *testClient, direct bool) {
			t.Helper()
			var passed []int
			trace := &httptrace.ClientTrace{Got1xxResponse: func(status int, _ textproto.MIMEHeader) error {
				passed = append(passed, status)
				return nil
			}}
			request := postBody(t, "http://example.com", &hesitant{pieces: []string{"one", "two", "six"}, pause: time.Second}, 9, direct)
			response, err := c.RoundTrip(request.WithContext(httptrace.WithClientTrace(request.Context(), trace)))
			if status, text := readResponse(t, response, err); status != http.StatusOK || text != "ok" || len(passed) != 1 {
				t.Errorf("%s: got %d %q, passed on %v", interim, status, text, passed)
			}
			time.Sleep(2 * client.MaxSendWait)
			c.checkOpen(t, 1) // it is reused
		})
	}
}

// An upstream that has accepted a request may read on.
func TestAnUpstreamThatAcceptsEarlyReadsOn(t *testing.T) {
	inTime(t, func(connection net.Conn, request *http.Request) {
		_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
		body, _ := io.ReadAll(request.Body)
		_, _ = connection.Write(body)
	}, func(t *testing.T, c *testClient, direct bool) {
		t.Helper()
		body := &hesitant{pieces: []string{"one", "two", "six"}, pause: client.InterruptAcceptedAfter - time.Second}
		response, err := c.RoundTrip(postBody(t, "http://example.com", body, 9, direct))
		if _, text := readResponse(t, response, err); text != "onetwosix" {
			t.Errorf("got %q", text)
		}
	})
}

// A client that waits for such a response before it goes on gets it.
func TestAnUpstreamThatAcceptsEarlyIsHeard(t *testing.T) {
	inTime(t, func(connection net.Conn, _ *http.Request) {
		_, _ = io.WriteString(connection, ok)
		rawtest.Discard(connection)
	}, func(t *testing.T, c *testClient, direct bool) {
		t.Helper()
		body, began := newInterrupted("the beginning"), time.Now()
		response, err := c.RoundTrip(postBody(t, "http://example.com", body, 1000, direct))
		if _, text := readResponse(t, response, err); text != "ok" || time.Since(began) > client.InterruptAcceptedAfter+time.Second {
			t.Errorf("got %q after %v", text, time.Since(began))
		}
		body.Interrupt()
		c.checkOpen(t, 0) // it is not reused
	})
}

// An early response that stalls ends with the context, or, once the body has been
// interrupted, after a deadline.
func TestAnEarlyResponseThatStallsIsGivenUp(t *testing.T) {
	const until = time.Second
	for name, beginning := range map[string]string{
		"in its header": "HTTP/1.1 413 Too",
		"in its body":   "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nla",
	} {
		for _, leaves := range []bool{true, false} {
			inTime(t, func(connection net.Conn, _ *http.Request) {
				_, _ = io.WriteString(connection, beginning)
				rawtest.Discard(connection)
			}, func(t *testing.T, c *testClient, direct bool) {
				t.Helper()
				if !leaves && !direct { // it waits in the goroutine that sends
					return
				}
				body := newInterrupted("the beginning")
				request := postBody(t, "http://example.com", body, 1000, direct)
				ctx, cancel := context.WithCancel(request.Context())
				defer cancel()
				most := client.InterruptAfter + client.ResponseEndWait + until
				if leaves {
					most = 2 * until
					time.AfterFunc(until, func() {
						cancel()
						body.Interrupt()
					})
				}
				began := time.Now()
				response, err := c.RoundTrip(request.WithContext(ctx))
				if err == nil {
					_, err = io.ReadAll(response.Body)
				}
				if err == nil || time.Since(began) > most {
					t.Errorf("%s, leaves %v: %v after %v", name, leaves, err, time.Since(began))
				}
			})
		}
	}
}

// lastMoment is a body whose next byte comes just as it is being interrupted,
// which takes a while.
type lastMoment struct {
	beginning strings.Reader
	once      sync.Once
	began     chan struct{}
	running   atomic.Bool
}

func (l *lastMoment) Read(p []byte) (int, error) {
	if n, err := l.beginning.Read(p); err == nil {
		return n, nil
	}
	<-l.began
	return copy(p, "x"), nil
}

func (l *lastMoment) Interrupt() {
	l.running.Store(true)
	l.once.Do(func() { close(l.began) })
	time.Sleep(100 * time.Millisecond)
	l.running.Store(false)
}

// Invariant 4: nothing is done for a request that has ended. The connection of its body may
// serve another request by then.
func TestInvariant4NothingIsInterruptedAfterTheRequest(t *testing.T) {
	address := startRefusing(t, "large", rawtest.Discard)
	body := &lastMoment{began: make(chan struct{})}
	body.beginning.Reset("the beginning")
	response, err := newTestClient(t, nil).RoundTrip(postBody(t, address, body, 1000, true))
	if status, _ := readResponse(t, response, err); status != http.StatusRequestEntityTooLarge || body.running.Load() {
		t.Errorf("got %d, still being interrupted: %v", status, body.running.Load())
	}
}

// interruptedForGood is a body whose request's context ends when it is interrupted, as with
// net/http's server over HTTP/1.1.
type interruptedForGood struct {
	*interrupted
	cancel context.CancelFunc
}

func (i interruptedForGood) Interrupt() {
	i.cancel()
	i.interrupted.Interrupt()
}

// If an upstream begins a response and does not end it, the error is the upstream's, and not
// that of the client whose body was interrupted for it.
func TestAResponseThatBreaksOffIsTheUpstreamsFault(t *testing.T) {
	for _, beginning := range []string{"HTTP/1.1 413 Too", "HTTP/1.1 413 Too Large\r\nodd\r\n\r\n"} {
		inTime(t, func(connection net.Conn, _ *http.Request) {
			_, _ = io.WriteString(connection, beginning)
			rawtest.Discard(connection)
		}, func(t *testing.T, c *testClient, direct bool) {
			t.Helper()
			if !direct {
				return
			}
			ctx, cancel := context.WithCancel(t.Context())
			body := interruptedForGood{newInterrupted("the beginning"), cancel}
			request := postBody(t, "http://example.com", body, 1000, true)
			_, err := c.RoundTrip(request.WithContext(handover.With(ctx, &handover.Request{Interrupter: body})))
			if err == nil || errors.Is(err, context.Canceled) {
				t.Errorf("%q: got %v", beginning, err)
			}
		})
	}
}

// Data that is not a response is an error at once, as after a complete body.
func TestWhatIsNoResponseEndsTheBody(t *testing.T) {
	address := startRaw(t, func(connection net.Conn, _ int) {
		_, _ = http.ReadRequest(bufio.NewReader(connection))
		_, _ = io.WriteString(connection, "BAD\r\n")
		rawtest.Discard(connection)
	})
	bothWays(t, func(t *testing.T, direct bool) {
		t.Helper()
		body := &hesitant{pieces: []string{"one", "two", "six"}, pause: 50 * time.Millisecond}
		request := postBody(t, address, body, 9, direct)
		ctx, cancel := context.WithTimeout(request.Context(), soon)
		defer cancel()
		if _, err := newTestClient(t, nil).RoundTrip(request.WithContext(ctx)); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// hurried is a connection each of whose reads may only take so long, as with
// Caddy's read_timeout.
type hurried struct {
	quietPipe
	after time.Duration
}

func (i hurried) Read(p []byte) (int, error) {
	_ = i.SetReadDeadline(time.Now().Add(i.after))
	return i.quietPipe.Read(p)
}

// A read timeout while a body is still being sent does not end the request, unless it comes
// in the middle of an interim response, whose first part has been consumed.
func TestATimeoutInAnInterimResponseEndsTheRequest(t *testing.T) {
	for beginning, want := range map[string]bool{"": true, "HTTP/1.1 103 Early Hints\r\nX-A:": false} {
		inTime(t, func(connection net.Conn, request *http.Request) {
			_, _ = io.WriteString(connection, beginning)
			time.Sleep(3 * time.Second)
			if beginning != "" {
				_, _ = io.WriteString(connection, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n") // which is still the value
			}
			if _, err := io.ReadAll(request.Body); err == nil {
				_, _ = io.WriteString(connection, ok)
			}
		}, func(t *testing.T, c *testClient, direct bool) {
			t.Helper()
			if !direct { // it waits in the goroutine that sends, and ends in any case
				return
			}
			dial := c.dial
			c.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				connection, err := dial(ctx, network, address)
				return hurried{connection.(quietPipe), time.Second}, err
			}
			body := &hesitant{pieces: []string{"one", "two", "six", "ten"}, pause: 1100 * time.Millisecond}
			response, err := c.RoundTrip(postBody(t, "http://example.com", body, 12, true))
			if (err == nil) != want {
				t.Fatalf("after %q: %v", beginning, err)
			}
			if err == nil {
				if status, text := readResponse(t, response, nil); status != http.StatusOK || text != "ok" {
					t.Errorf("got %d %q", status, text)
				}
			}
		})
	}
}

// If the client is gone, the error is its own, and not one of the upstream, whose health a
// proxy may be watching.
func TestAClientThatIsGoneIsNotTheUpstreamsFault(t *testing.T) {
	inTime(t, func(connection net.Conn, _ *http.Request) { rawtest.Discard(connection) }, func(t *testing.T, c *testClient, direct bool) {
		t.Helper()
		for range 100 {
			ctx, cancel := context.WithCancel(t.Context())
			body := io.MultiReader(strings.NewReader("the beginning"), rawtest.ReaderFunc(func([]byte) (int, error) {
				cancel()
				return 0, io.ErrUnexpectedEOF
			}))
			request := postBody(t, "http://example.com", body, 1000, direct)
			if direct {
				ctx = handover.With(ctx, &handover.Request{Interrupter: none{}})
			}
			if _, err := c.RoundTrip(request.WithContext(ctx)); !errors.Is(err, context.Canceled) {
				t.Fatalf("got %v", err)
			}
		}
	})
}

// A request whose context has ended takes no connection.
func TestARequestThatHasEndedTakesNoConnection(t *testing.T) {
	c := newTestClient(t, nil)
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if _, err := c.RoundTrip(post(t, "http://example.com", "body", true).WithContext(ctx)); !errors.Is(err, gone) || c.dialled.Load() > 0 {
		t.Errorf("got %v, %d connections", err, c.dialled.Load())
	}
}

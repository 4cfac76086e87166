// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/wire"
)

const (
	// defaultBuffer is the size of what a head is written to and a response read
	// from, in bytes, as in net/http.
	defaultBuffer = 4 << 10
	// maxSendWait is how long a connection whose response is complete waits for
	// the request to be so, to be used again.
	maxSendWait = 50 * time.Millisecond
	// lastResponseWait is how long a response may take to begin that was on its way
	// when the request broke off.
	lastResponseWait = 500 * time.Millisecond
	// lateResponseWait is how long all of it may take.
	lateResponseWait = 10 * time.Second
)

// persistentConn is a connection on which one request and response follow the
// other (RFC 9112, section 9.3).
type persistentConn struct {
	client *Client
	to     host
	conn   net.Conn

	sending atomic.Pointer[sending] // what is sent in its caller's goroutine, and watched
	late    *time.Timer             // until that is watched
	sent    chan error              // what became of sending; has room for it
	spoilt  atomic.Bool             // of no more use after the response
	gone    atomic.Bool             // closed, because of failure

	// Whoever sends has these.
	writer   *bufio.Writer
	head     []byte // room for one
	writeErr error  // which net/http would hide

	// The pool's mutex guards these while the connection is idle.
	reused    bool
	idleSince time.Time

	// reading guards these until the header of the response has come. Then its body
	// has them, and at last the pool.
	reading  sync.Mutex
	reader   *bufio.Reader
	poller   poller // nil if nothing can be seen
	received int64  // bytes of the response
	limit    int64  // of them, that may yet come

	// mu guards these.
	mu        sync.Mutex
	failure   error // why the connection was closed
	responded bool  // the header has come
	timeout   *time.Timer
	overdue   *time.Timer // for all of a response, after the request broke off
}

func newPersistentConn(conn net.Conn, client *Client, to host) *persistentConn {
	size := func(size int) int {
		if size <= 0 {
			return defaultBuffer
		}
		return size
	}
	c := &persistentConn{client: client, to: to, conn: conn, poller: newPoller(conn), sent: make(chan error, 1)}
	c.writer = bufio.NewWriterSize((*requestWriter)(c), size(client.transport.WriteBufferSize))
	c.reader = bufio.NewReaderSize((*responseReader)(c), size(client.transport.ReadBufferSize))
	c.late = time.AfterFunc(time.Hour, c.watch)
	c.late.Stop()
	return c
}

// exchange sends a request and returns the response, whose body has the
// connection until its end.
func (c *persistentConn) exchange(r *http.Request) (*http.Response, error) {
	c.begin()
	ctx := r.Context()
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Conn: c.conn, Reused: c.reused, WasIdle: c.reused})
	}
	s := newSending(r)
	s.stop = context.AfterFunc(ctx, func() { c.abandon(s) })
	if s.direct {
		c.sendWatched(s)
	} else {
		go c.send(s)
	}
	response, err := c.receive(r, trace)
	if err == nil && !c.gone.Load() { // or what has come says what the upstream makes of half a request
		response.Body = newResponseBody(response, c, s.stop)
		return response, nil
	}
	s.stop()
	c.stopAwaiting()
	c.close()
	sendErr := <-c.sent // nobody reads the body any more
	if failure := c.failed(); failure != nil {
		err = failure
	} else if sendErr != nil && !s.responded.Load() {
		err = sendErr
	}
	if ctx.Err() != nil && !s.interrupted.Load() { // for which the upstream is not to blame
		err = context.Cause(ctx)
	}
	return nil, err
}

func (c *persistentConn) begin() {
	c.reading.Lock()
	c.received, c.limit = 0, c.maxHeader()
	c.reading.Unlock()
	c.mu.Lock()
	c.failure, c.responded, c.timeout = nil, false, nil
	c.mu.Unlock()
}

// sendWatched sends a request, and stops if a response comes meanwhile.
func (c *persistentConn) sendWatched(s *sending) {
	if s.interrupter == nil {
		c.send(s)
		return
	}
	c.sending.Store(s)
	c.late.Reset(wire.MaxHold)
	c.send(s)
	c.late.Stop()
	s.watching.Lock()
	c.sending.Store(nil)
	s.watching.Unlock()
}

// send sends a request.
func (c *persistentConn) send(s *sending) {
	err := c.write(s)
	switch {
	case err == nil:
		c.awaitResponse()
	case s.responded.Load(): // and the response says more
		c.failSoon(nil)
	case errors.Is(err, errBodyLength):
		c.fail(err)
	case s.err == nil:
		if c.writeErr != nil {
			err = c.writeErr
		}
		// The upstream may have responded before it took no more.
		c.failSoon(err)
	case c.hasResponse():
		c.failSoon(s.err)
	default:
		c.fail(s.err) // what cannot become complete need not arrive
	}
	c.sent <- err
}

func (c *persistentConn) write(s *sending) error {
	if to, ok := c.conn.(headSender); ok && isPlain(s.request, httptrace.ContextClientTrace(s.request.Context())) {
		return c.writePlain(to, s)
	}
	if err := s.outgoing().Write(c.writer); err != nil {
		return err
	}
	return c.writer.Flush()
}

// requestWriter writes to the connection, and keeps the error.
type requestWriter persistentConn

// Write implements [io.Writer].
func (w *requestWriter) Write(p []byte) (n int, err error) {
	n, w.writeErr = w.conn.Write(p)
	return n, w.writeErr
}

// ReadFrom implements [io.ReaderFrom].
func (w *requestWriter) ReadFrom(body io.Reader) (n int64, err error) {
	n, w.writeErr = io.Copy(w.conn, body)
	return n, w.writeErr
}

// Interface guard
var _ io.ReaderFrom = (*requestWriter)(nil)

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
	// defaultBuffer is the size of the buffers for writing heads and for reading
	// responses, in bytes, as in net/http.
	defaultBuffer = 4 << 10
	// maxSendWait is how long a connection whose response is complete may take to
	// finish its request. If it takes longer, the connection is closed and not
	// reused.
	maxSendWait = 50 * time.Millisecond
	// responseBeginWait is how long the header of a response may still take when
	// the request broke off. An upstream that refuses a body often sends its
	// response and closes the connection at once: the write fails before the
	// response is read.
	responseBeginWait = 500 * time.Millisecond
	// responseEndWait is how long all of such a response may take.
	responseEndWait = 10 * time.Second
)

// persistentConn is a connection that carries one request and its response after
// the other (RFC 9112, section 9.3).
//
// Two goroutines use it at most: the one that sends the request and the one that
// reads the response. For a small upload both are the caller's, and the watch (see
// watch) reads instead while the caller's is still sending.
type persistentConn struct {
	client *Client
	to     host
	conn   net.Conn

	sending    atomic.Pointer[sending] // the request being sent in its caller's goroutine, if it is watched
	watchTimer *time.Timer             // until that is watched
	sent       chan error              // what became of sending; has room for it
	noReuse    atomic.Bool             // of no more use after the response
	aborted    atomic.Bool             // closed, because of failure

	// The goroutine that sends owns these.
	writer   *bufio.Writer
	head     []byte // room for one
	writeErr error  // which net/http would hide

	// The pool's mutex guards these while the connection is idle.
	reused    bool
	idleSince time.Time
	checked   int // how often isQuiet was asked

	// reading guards these until the response's header has been read. Afterwards
	// the response's body owns them, and finally the pool.
	reading  sync.Mutex
	reader   *bufio.Reader
	poller   poller  // nil if nothing can be seen
	network  network // of the poller, or nil
	arrival  arrival
	received int64 // bytes of the response
	limit    int64 // of them, that may yet come

	// mu guards these.
	mu             sync.Mutex
	failure        error // why the connection was closed
	headerReceived bool  // the header has come
	timeout        *time.Timer
	overdue        *time.Timer // for all of a response, after the request broke off
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
	if c.network, _ = c.poller.(network); c.network != nil {
		c.arrival.roundTrip = c.network.roundTrip()
	}
	c.watchTimer = time.AfterFunc(time.Hour, c.watch)
	c.watchTimer.Stop()
	return c
}

// exchange sends a request and returns its response, whose body owns the connection
// until it has been read or closed. On an error the connection is closed, and the
// request's body is no longer being read when exchange returns.
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
	// On an aborted connection, a response would be about the part of the request
	// that arrived, not about the request.
	if err == nil && !c.aborted.Load() {
		response.Body = newResponseBody(response, c, s.stop)
		return response, nil
	}
	s.stop()
	c.stopHeaderTimeout()
	c.close()
	sendErr := <-c.sent // afterwards the request's body is not read any more
	if failure := c.failureCause(); failure != nil {
		err = failure
	} else if sendErr != nil && !s.halted.Load() {
		err = sendErr
	}
	if ctx.Err() != nil && !s.interrupted.Load() { // the client is gone: the upstream is not to blame
		err = context.Cause(ctx)
	}
	return nil, err
}

// begin resets the state of the request before.
func (c *persistentConn) begin() {
	c.reading.Lock()
	c.received, c.limit = 0, c.maxHeader()
	c.arrival.began = time.Now()
	c.reading.Unlock()
	c.mu.Lock()
	c.failure, c.headerReceived, c.timeout = nil, false, nil
	c.mu.Unlock()
}

// sendWatched sends a request in the caller's goroutine, and stops if a response
// arrives meanwhile. Without an interrupter nothing can delay the body, so no watch
// is needed.
func (c *persistentConn) sendWatched(s *sending) {
	if s.interrupter == nil {
		c.send(s)
		return
	}
	c.sending.Store(s)
	c.watchTimer.Reset(wire.MaxHold)
	c.send(s)
	c.watchTimer.Stop()
	s.watching.Lock()
	c.sending.Store(nil)
	s.watching.Unlock()
}

// send sends a request and decides, if that fails, whether a response may still be
// read: the upstream's response says more than the failed write that it caused.
func (c *persistentConn) send(s *sending) {
	err := c.write(s)
	switch {
	case err == nil:
		c.startHeaderTimeout()
	case s.halted.Load(): // because the response has begun: read it
		c.failSoon(nil)
	case errors.Is(err, errBodyLength):
		c.fail(err)
	case s.err == nil:
		if c.writeErr != nil {
			err = c.writeErr
		}
		// The body is fine, so the connection failed. The upstream may have responded
		// before it stopped reading.
		c.failSoon(err)
	case c.hasResponse():
		c.failSoon(s.err)
	default:
		c.fail(s.err) // the request cannot become complete any more
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

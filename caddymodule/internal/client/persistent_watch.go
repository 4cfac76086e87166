// SPDX-License-Identifier: Apache-2.0

package client

import (
	"errors"
	"io"
	"net"
	"net/http/httptrace"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/wire"
)

// interruptAfter is how long the client may take for its next byte once a response
// has come that refuses the request. A client that sends nothing for so long is
// presumably waiting for the response, and loses nothing when the Read of its body
// is interrupted.
const interruptAfter = 2 * time.Second

// interruptAcceptedAfter is the same for a response with status 2xx. Such an
// upstream may go on reading, and a client that sees its success would not learn
// that the rest of the upload was cut off: so it gets more time.
const interruptAcceptedAfter = 30 * time.Second

// watch reads a response that arrives while the request is still being sent. It
// runs in a goroutine of its own, which is started only when sending takes longer
// than [wire.MaxHold], so that most small uploads do without.
//
// Without it, invariant 10 would fail in two ways: an upstream that refuses and
// stops reading would block the write, and a client that waits for the response
// before it sends the rest would block the Read of its body.
func (c *persistentConn) watch() {
	s := c.sending.Load()
	if s == nil {
		return
	}
	status, err := c.awaitStatus(s)
	if err != nil { // the upstream closed the connection, or sent what is no response
		c.whileSending(s, func() {
			c.fail(err)
			s.halted.Store(true)
		})
		return
	}
	if status == 0 {
		return
	}
	// The request may have been sent meanwhile, and this be the response to all of
	// it. Stopping it then would make the connection unusable for nothing.
	time.Sleep(wire.MaxHold)
	after := interruptAfter
	if status == '2' {
		after = interruptAcceptedAfter
	} else if !c.whileSending(s, func() { c.stopSending(s) }) {
		return
	}
	for since, goesOn := time.Now(), true; goesOn; time.Sleep(wire.MaxHold) {
		if !s.stillWaits() {
			since = time.Now()
		}
		goesOn = c.whileSending(s, func() {
			if time.Since(since) >= after {
				c.stopSending(s)
				// Caddy's server sets a read deadline when a Read begins, which undoes an
				// interruption just before. So the loop repeats it.
				s.interrupted.Store(true)
				s.interrupter.Interrupt()
			}
		})
	}
}

// whileSending calls do while s is being sent, and reports whether it is. The lock
// keeps the request from ending meanwhile: do could otherwise set a deadline on the
// next request of the connection, or interrupt the body of another one.
func (c *persistentConn) whileSending(s *sending, do func()) bool {
	s.watching.Lock()
	defer s.watching.Unlock()
	if c.sending.Load() != s {
		return false
	}
	do()
	return true
}

// stopSending makes the write under way, and all further ones, fail.
func (c *persistentConn) stopSending(s *sending) {
	c.noReuse.Store(true)
	s.halted.Store(true)
	_ = c.conn.SetWriteDeadline(time.Now())
}

// awaitStatus waits, while s is being sent, for a response that is not interim
// (1xx), and returns the first digit of its status. It returns 0 if sending has
// ended meanwhile.
func (c *persistentConn) awaitStatus(s *sending) (byte, error) {
	for {
		c.reading.Lock()
		if c.sending.Load() != s { // the sender reads the response itself, or another request has begun
			c.reading.Unlock()
			return 0, nil
		}
		status, err := c.nextStatus(s.request, httptrace.ContextClientTrace(s.request.Context()))
		c.reading.Unlock()
		switch {
		case errors.Is(err, io.EOF):
			return 0, io.ErrUnexpectedEOF
		// A read timeout of the connection (Caddy's read_timeout) is meant for a
		// response that is due. This one is not yet: the request is still being sent.
		case err == nil || !isTimeout(err):
			return status, err
		}
	}
}

// isTimeout reports whether err is a timeout of the connection.
func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

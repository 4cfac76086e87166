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

// interruptAfter is how long a client may take for its next byte when there is an
// response already. Then it waits for the response itself, and nothing is lost when
// its body is interrupted.
const interruptAfter = 2 * time.Second

// interruptAcceptedAfter is how long if the upstream has accepted the request. It
// may want the rest, and the client would not learn that it did not arrive.
const interruptAcceptedAfter = 30 * time.Second

// watch looks for a response while a request is being sent that takes its time.
func (c *persistentConn) watch() {
	s := c.sending.Load()
	if s == nil {
		return
	}
	status, err := c.await(s)
	if err != nil { // the upstream is gone
		c.during(s, func() {
			c.fail(err)
			s.responded.Store(true)
		})
		return
	}
	if status == 0 {
		return
	}
	time.Sleep(wire.MaxHold) // it may be a response to all of the request, just sent
	after := interruptAfter
	if status == '2' {
		after = interruptAcceptedAfter
	} else if !c.during(s, func() { c.cut(s) }) {
		return
	}
	for since, goesOn := time.Now(), true; goesOn; time.Sleep(wire.MaxHold) {
		if !s.stillWaits() {
			since = time.Now()
		}
		goesOn = c.during(s, func() {
			if time.Since(since) >= after {
				c.cut(s)
				// It may come too early for the next Read, so it comes again.
				s.interrupted.Store(true)
				s.interrupter.Interrupt()
			}
		})
	}
}

// during does something while s is being sent, and reports false if that has ended.
func (c *persistentConn) during(s *sending, do func()) bool {
	s.watching.Lock()
	defer s.watching.Unlock()
	if c.sending.Load() != s {
		return false
	}
	do()
	return true
}

// cut has nothing more be sent.
func (c *persistentConn) cut(s *sending) {
	c.spoilt.Store(true)
	s.responded.Store(true)
	_ = c.conn.SetWriteDeadline(time.Now())
}

// await waits until a response begins that is not an interim one, while s is being
// sent, and returns the first digit of its status. It returns 0 if the sending has
// ended meanwhile.
func (c *persistentConn) await(s *sending) (byte, error) {
	for {
		c.reading.Lock()
		if c.sending.Load() != s { // or the response is somebody else's to read
			c.reading.Unlock()
			return 0, nil
		}
		status, err := c.nextStatus(s.request, httptrace.ContextClientTrace(s.request.Context()))
		c.reading.Unlock()
		switch {
		case errors.Is(err, io.EOF):
			return 0, io.ErrUnexpectedEOF
		// Such a timeout is for a response that somebody waits for.
		case err == nil || !isTimeout(err):
			return status, err
		}
	}
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

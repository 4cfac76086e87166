// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/wire"
)

// fail closes the connection, because of err.
func (c *persistentConn) fail(err error) {
	c.note(err)
	c.gone.Store(true)
	c.close()
}

// failSoon is fail, unless a response that is on its way comes in time.
func (c *persistentConn) failSoon(err error) {
	c.note(err)
	c.giveUpAfter(lastResponseWait, func() { c.fail(errNoResponse) })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.overdue = time.AfterFunc(lateResponseWait, func() { c.fail(errNoResponse) }) // it is used for nothing else
}

var errNoResponse = errors.New("a response has begun that does not come")

// abandon ends a request whose context has ended. If that may be for its body was
// interrupted, the response is still wanted.
func (c *persistentConn) abandon(s *sending) {
	end := func() { c.fail(context.Cause(s.request.Context())) }
	if s.interrupted.Load() {
		time.AfterFunc(lateResponseWait, end)
	} else {
		end()
	}
}

func (c *persistentConn) note(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure == nil {
		c.failure = err
	}
}

func (c *persistentConn) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure
}

// awaitResponse has a response that takes too long given up.
func (c *persistentConn) awaitResponse() {
	if after := c.client.transport.ResponseHeaderTimeout; after > 0 {
		c.giveUpAfter(after, func() { c.fail(&headerTimeoutError{after}) })
	}
}

// giveUpAfter calls give unless the header of the response comes before.
func (c *persistentConn) giveUpAfter(wait time.Duration, give func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.responded {
		c.timeout = time.AfterFunc(wait, give)
	}
}

// stopAwaiting ends that, for the header has come.
func (c *persistentConn) stopAwaiting() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.responded = true
	if c.timeout != nil && !c.timeout.Stop() {
		c.spoilt.Store(true)
	}
}

// hasResponse reports whether a response has begun to come, unless its header is
// just being read: who reads it gets it.
func (c *persistentConn) hasResponse() bool {
	if !c.reading.TryLock() { // a socket is not looked at meanwhile either
		return false
	}
	defer c.reading.Unlock()
	c.mu.Lock()
	responded := c.responded // and its body has the reader
	c.mu.Unlock()
	return responded || c.reader.Buffered() > 0 || c.poller != nil && c.poller.Readable()
}

// lostIdle reports whether the other side seems to have closed the connection
// for being idle: nothing of a response came on it.
func (c *persistentConn) lostIdle() bool { return c.reused && c.received == 0 && !c.gone.Load() }

// isQuiet reports whether nothing has come on a connection that is idle. Whatever
// comes then is no response.
func (c *persistentConn) isQuiet() bool { return !c.poller.Readable() }

// finish makes the connection one that can be used again, after all of a response
// has been read and as soon as the request has been sent.
func (c *persistentConn) finish() {
	select {
	case err := <-c.sent:
		c.settle(err)
	default:
		go func() {
			select {
			case err := <-c.sent:
				c.settle(err)
			case <-time.After(maxSendWait):
				c.close()
			}
		}()
	}
}

func (c *persistentConn) settle(err error) {
	if err != nil || c.poller == nil || c.spoilt.Load() || c.hasMore() {
		c.close()
		return
	}
	c.client.pool.put(c)
}

// hasMore reports whether more has been read from the connection than the
// response, which makes it none that another request can use.
func (c *persistentConn) hasMore() bool {
	if c.reader.Buffered() > 0 {
		return true
	}
	secure, ok := c.conn.(*wire.TLSConn)
	return ok && !secure.Drained(c.reader)
}

func (c *persistentConn) close() {
	c.spoilt.Store(true)
	c.late.Stop()
	c.mu.Lock()
	if c.overdue != nil {
		c.overdue.Stop()
	}
	c.mu.Unlock()
	_ = c.conn.Close()
}

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

// failSoon is fail, unless an answer that is on its way comes in time.
func (c *persistentConn) failSoon(err error) {
	c.note(err)
	c.giveUpAfter(lastAnswerWait, func() { c.fail(errNoAnswer) })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.overdue = time.AfterFunc(lateAnswerWait, func() { c.fail(errNoAnswer) }) // it is used for nothing else
}

var errNoAnswer = errors.New("an answer has begun that does not come")

// abandon ends a request whose context has ended. If that may be for its body was
// interrupted, the answer is still wanted.
func (c *persistentConn) abandon(s *sending) {
	end := func() { c.fail(context.Cause(s.request.Context())) }
	if s.interrupted.Load() {
		time.AfterFunc(lateAnswerWait, end)
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

// awaitAnswer has an answer that takes too long given up.
func (c *persistentConn) awaitAnswer() {
	if after := c.client.transport.ResponseHeaderTimeout; after > 0 {
		c.giveUpAfter(after, func() { c.fail(&headerTimeoutError{after}) })
	}
}

// giveUpAfter calls give unless the header of the answer comes before.
func (c *persistentConn) giveUpAfter(wait time.Duration, give func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.answered {
		c.timeout = time.AfterFunc(wait, give)
	}
}

// stopAwaiting ends that, for the header has come.
func (c *persistentConn) stopAwaiting() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered = true
	if c.timeout != nil && !c.timeout.Stop() {
		c.spoilt.Store(true)
	}
}

// hasAnswer reports whether an answer has begun to come, unless its header is
// just being read: who reads it gets it.
func (c *persistentConn) hasAnswer() bool {
	if !c.reading.TryLock() { // a socket is not looked at meanwhile either
		return false
	}
	defer c.reading.Unlock()
	c.mu.Lock()
	answered := c.answered // and its body has the reader
	c.mu.Unlock()
	return answered || c.reader.Buffered() > 0 || c.poller != nil && c.poller.Readable()
}

// lostIdle reports whether the other side seems to have closed the connection
// for being idle: nothing of an answer came on it.
func (c *persistentConn) lostIdle() bool { return c.reused && c.received == 0 && !c.gone.Load() }

// isQuiet reports whether nothing has come on a connection that is idle. Whatever
// comes then is no answer.
func (c *persistentConn) isQuiet() bool { return !c.poller.Readable() }

// finish makes the connection one that can be used again, after all of an answer
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
// answer, which makes it none that another request can use.
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

// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/wire"
)

// fail closes the connection. err is what the request fails with, unless it failed
// before.
func (c *persistentConn) fail(err error) {
	c.setFailure(err)
	c.aborted.Store(true)
	c.close()
}

// failSoon fails the request with err unless a response arrives: its header within
// responseBeginWait, and all of it within responseEndWait. Without the deadlines an
// upstream that begins a response and then stalls would hold the request for ever.
func (c *persistentConn) failSoon(err error) {
	c.setFailure(err)
	c.startTimeout(responseBeginWait, func() { c.fail(errIncompleteResponse) })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.overdue = time.AfterFunc(responseEndWait, func() { c.fail(errIncompleteResponse) }) // the connection is not reused
}

var errIncompleteResponse = errors.New("the upstream began a response and did not complete it in time")

// abandon ends a request whose context has ended. After an interruption, the
// context may have ended because of it: net/http's server cancels a request's
// context when a read of its body fails. Then the response is still to be read.
func (c *persistentConn) abandon(s *sending) {
	end := func() { c.fail(context.Cause(s.request.Context())) }
	if s.interrupted.Load() {
		time.AfterFunc(responseEndWait, end)
	} else {
		end()
	}
}

// setFailure records why the connection is closed. The first reason stays, since
// the others follow from it.
func (c *persistentConn) setFailure(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure == nil {
		c.failure = err
	}
}

// failureCause returns what setFailure recorded, or nil.
func (c *persistentConn) failureCause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure
}

// startHeaderTimeout starts the transport's ResponseHeaderTimeout, if it has one.
// As in net/http, it runs from the end of the request: an upload may take hours.
func (c *persistentConn) startHeaderTimeout() {
	if after := c.client.transport.ResponseHeaderTimeout; after > 0 {
		c.startTimeout(after, func() { c.fail(&headerTimeoutError{after}) })
	}
}

// startTimeout calls expire after wait, unless the response's header comes before.
func (c *persistentConn) startTimeout(wait time.Duration, expire func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.headerReceived {
		c.timeout = time.AfterFunc(wait, expire)
	}
}

// stopHeaderTimeout stops the timeout, for the header has come. If it is too late
// for that, the timeout is about to close the connection, which must not be reused.
func (c *persistentConn) stopHeaderTimeout() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headerReceived = true
	if c.timeout != nil && !c.timeout.Stop() {
		c.noReuse.Store(true)
	}
}

// hasResponse reports whether a response has begun to arrive. It reports false
// while another goroutine reads the header: that one gets the response.
func (c *persistentConn) hasResponse() bool {
	if !c.reading.TryLock() { // a poll would wait for the reader, too
		return false
	}
	defer c.reading.Unlock()
	c.mu.Lock()
	received := c.headerReceived // then the response's body owns the reader
	c.mu.Unlock()
	return received || c.reader.Buffered() > 0 || c.poller != nil && c.poller.Readable()
}

// wasClosedIdle reports whether the upstream seems to have closed the connection
// because it was idle: it was reused, and not a byte of a response came.
func (c *persistentConn) wasClosedIdle() bool {
	return c.reused && c.received == 0 && !c.aborted.Load()
}

// isQuiet reports whether nothing has arrived on an idle connection. What arrives
// without a request is the connection's end, or data that would be taken for the
// response to the next request (response desynchronization).
func (c *persistentConn) isQuiet() bool {
	if c.checked++; c.network != nil && c.checked%acknowledged == 0 && time.Since(c.idleSince) < lateAcknowledgment {
		return !c.network.acknowledgedReadable()
	}
	return !c.poller.Readable()
}

// finish returns the connection to the pool, after all of the response has been
// read, once the request has been sent. It does not wait for that: the caller has
// its response.
func (c *persistentConn) finish() {
	select {
	case err := <-c.sent:
		c.reuseOrClose(err)
	default:
		go func() {
			select {
			case err := <-c.sent:
				c.reuseOrClose(err)
			case <-time.After(maxSendWait):
				c.close()
			}
		}()
	}
}

// reuseOrClose puts the connection into the pool if nothing is left on it of the
// exchange that ended with err.
func (c *persistentConn) reuseOrClose(err error) {
	if err != nil || c.poller == nil || c.noReuse.Load() || c.hasExcessData() {
		c.close()
		return
	}
	c.client.pool.put(c)
}

// hasExcessData reports whether more has been read from the connection than the
// response. Reusing it would assign that data to the next request, possibly of
// another client. Over TLS, decrypted data may also be left in the TLS layer, where
// a poll of the socket does not see it.
func (c *persistentConn) hasExcessData() bool {
	if c.reader.Buffered() > 0 {
		return true
	}
	secure, ok := c.conn.(*wire.TLSConn)
	return ok && !secure.Drained(c.reader)
}

// close closes the connection. It may be called more than once, and concurrently.
func (c *persistentConn) close() {
	c.noReuse.Store(true)
	c.watchTimer.Stop()
	c.mu.Lock()
	if c.overdue != nil {
		c.overdue.Stop()
	}
	c.mu.Unlock()
	_ = c.conn.Close()
}

// SPDX-License-Identifier: Apache-2.0

package upstream

import "time"

// fail closes the connection, because of err.
func (c *persistentConn) fail(err error) {
	c.note(err)
	c.gone.Store(true)
	c.close()
}

// failSoon is fail, unless an answer that is on its way comes in time. It may
// then take what it needs.
func (c *persistentConn) failSoon(err error) {
	c.note(err)
	c.giveUpAfter(lastAnswerWait, c.close)
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

// hasAnswer reports whether something of an answer has come that nobody reads.
func (c *persistentConn) hasAnswer() bool {
	if !c.reading.TryLock() { // who reads gets it, and a socket is not looked at meanwhile
		return false
	}
	defer c.reading.Unlock()
	return c.reader.Buffered() > 0 || c.look != nil && c.look.HasCome()
}

// lostIdle reports whether the other side seems to have closed the connection
// for being idle: nothing of an answer came on it.
func (c *persistentConn) lostIdle() bool { return c.reused && c.received == 0 && !c.gone.Load() }

// isQuiet reports whether nothing has come on a connection that is idle. Whatever
// comes then is no answer.
func (c *persistentConn) isQuiet() bool { return !c.look.HasCome() }

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
	if err != nil || c.look == nil || c.spoilt.Load() || c.hasMore() {
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
	secure, ok := c.conn.(*TLSConn)
	return ok && !secure.isDry(c.reader)
}

func (c *persistentConn) close() {
	c.spoilt.Store(true)
	c.late.Stop()
	_ = c.conn.Close()
}

// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"errors"
	"io"
	"net"
	"time"
)

// interruptAfter is how long a client may take for its next byte when there
// is an answer already. Then it waits for the answer itself, and nothing is
// lost when its body is interrupted.
const interruptAfter = time.Second

// watch looks for an answer while a request is being sent that takes its time.
// If there is one, neither the upstream nor the client is waited for any more.
func (c *persistentConn) watch() {
	s := c.sending.Load()
	if s == nil {
		return
	}
	come, err := c.await(s)
	if err != nil { // the upstream is gone
		c.fail(err)
		s.answered.Store(true)
	}
	if !come {
		return
	}
	time.Sleep(MaxHold)                     // it may be an answer to all of the request, just sent
	if c.sending.Load() != s || !s.stop() { // to interrupt the body may end the context
		return
	}
	c.spoilt.Store(true)
	s.answered.Store(true)
	_ = c.conn.SetWriteDeadline(time.Now())
	for since := time.Now(); c.sending.Load() == s; time.Sleep(MaxHold) {
		// It may come too early for the next Read, so it comes again.
		if time.Since(since) >= interruptAfter {
			s.interrupter.Interrupt()
		}
	}
}

// await waits until an answer begins, while s is being sent. It reports false if
// that has ended meanwhile.
func (c *persistentConn) await(s *sending) (bool, error) {
	for {
		c.reading.Lock()
		if c.sending.Load() != s { // or the answer is somebody else's to read
			c.reading.Unlock()
			return false, nil
		}
		_, err := c.reader.Peek(1)
		c.reading.Unlock()
		if err == nil {
			return true, nil
		}
		// Such a timeout is for an answer that somebody waits for.
		if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return false, err
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// sender gathers bytes and writes them together.
//
// One goroutine gathers. What it has gathered is written by that goroutine or, when
// it waits for more for longer than [MaxHold], by the timer's. The two never touch
// the same bytes: a Read of the body fills the buffer behind what has been gathered,
// without the lock, while the timer may write what is before it.
type sender struct {
	write  func([]byte) error
	small  bool        // buffers stay small
	timer  *time.Timer // calls writeLate
	closed atomic.Bool // the connection is closed

	mu         sync.Mutex // held while gathered bytes are written
	buffer     *[]byte    // nil between bodies
	size       int        // of the buffer, as an index of bufferSizes
	start, end int        // of what has been gathered and not written, in the buffer
	armed      bool       // the timer runs
	sending    bool       // a body is being sent
	err        error      // of the timer's write

	gathers bool // what a Read returned waits for that of the next one
	pace    pace
}

// init prepares a sender whose pieces are written by write.
func (s *sender) init(write func([]byte) error, small bool) {
	s.write, s.small = write, small
	s.timer = time.AfterFunc(time.Hour, s.writeLate)
	s.timer.Stop()
}

// writeLate writes what has waited for [MaxHold]. A body that keeps a byte waiting is
// slow, so gathering ends until it is fast again: each byte would wait otherwise.
func (s *sender) writeLate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.armed {
		s.gathers = false
		s.err = s.flush()
		if !s.sending {
			s.release()
		}
	}
}

// flush writes what has been gathered. It is called with s.mu held. After an error
// of the timer's write, it returns that: the goroutine that sends has to learn of it.
func (s *sender) flush() error {
	if s.armed {
		s.timer.Stop()
		s.armed = false
	}
	if s.err != nil || s.start == s.end {
		return s.err
	}
	err := s.write((*s.buffer)[s.start:s.end])
	if err == nil {
		s.start = s.end
	}
	return err
}

// hold gathers the head p, to be written with the body's first bytes. It reports
// false if p is too large for that, or a body is being sent.
func (s *sender) hold(p []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buffer != nil || len(p) > SmallBuffer/2 {
		return false
	}
	s.pace = pace{} // or the buffer would suit the body before
	s.prepare()
	s.end = copy(*s.buffer, p)
	s.arm()
	return true
}

// writeNow writes what has been gathered and then p, in one write if there is room.
func (s *sender) writeNow(p []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.start < s.end && len(p) <= len(*s.buffer)-s.end {
		s.end += copy((*s.buffer)[s.end:], p)
		p = nil
	}
	err := s.flush()
	s.release()
	if err == nil && len(p) > 0 {
		err = s.write(p)
	}
	return err
}

// send writes what has been gathered, a head, and then all of a body. It returns how
// many bytes of the body have been written.
//
// When the body breaks off, what has been gathered of it is dropped: the request
// cannot become complete any more.
func (s *sender) send(body io.Reader) (int64, error) {
	s.mu.Lock()
	s.gathers, s.sending = true, true
	s.pace.begin()
	s.prepare()
	s.mu.Unlock()
	var size int64
	for {
		n, err := body.Read((*s.buffer)[s.end:])
		size += int64(n)
		s.mu.Lock()
		s.end += n
		ended := err == io.EOF //nolint:errorlint // readers return io.EOF itself
		if ended || err == nil && !s.wantsMore(body) {
			if writeErr := s.flush(); writeErr != nil {
				err = writeErr
			} else if ended {
				s.endBody()
				s.mu.Unlock()
				return size, nil
			}
		}
		if err != nil {
			size = max(0, size-int64(s.end-s.start))
			s.endBody()
			s.mu.Unlock()
			return size, err
		}
		s.gathers = s.pace.move(n, !s.gathers) || s.gathers
		s.prepare()
		s.mu.Unlock()
	}
}

// endBody ends send. It is called with s.mu held.
func (s *sender) endBody() {
	s.release()
	s.sending = false
}

// wantsMore reports whether another Read should be gathered before the next write:
// if the body is fast, less than [maxGathered] bytes have been gathered, and there
// is room for all that is left of the body or for a quarter of the buffer (a Read
// into less would cost as much and bring little). While that Read waits, the timer
// runs.
func (s *sender) wantsMore(body io.Reader) bool {
	if !s.gathers || s.closed.Load() || s.end-s.start >= maxGathered {
		return false
	}
	wanted := len(*s.buffer) / 4
	if limited, ok := body.(*io.LimitedReader); ok {
		wanted = int(min(int64(wanted), limited.N))
	}
	if len(*s.buffer)-s.end < wanted {
		return false
	}
	if s.start < s.end {
		s.arm()
	}
	return true
}

// arm starts the timer unless it runs: what counts is how long the first gathered
// byte has waited.
func (s *sender) arm() {
	if !s.armed {
		s.armed = true
		s.timer.Reset(MaxHold)
	}
}

// prepare makes the buffer ready for the next Read. Only an empty one can be
// exchanged for one of another size.
func (s *sender) prepare() {
	if s.start < s.end {
		return
	}
	s.start, s.end = 0, 0
	size := 0
	if !s.small {
		size = s.pace.bufferSize()
	}
	if s.buffer != nil && s.size == size {
		return
	}
	s.release()
	s.buffer, s.size = takeBuffer(size)
}

// release returns the buffer to its pool, and drops what is in it.
func (s *sender) release() {
	if s.armed {
		s.timer.Stop()
		s.armed = false
	}
	s.start, s.end = 0, 0
	if s.buffer != nil {
		giveBuffer(s.buffer, s.size)
		s.buffer = nil
	}
}

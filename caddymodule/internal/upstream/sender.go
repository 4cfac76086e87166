// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"io"
	"sync"
	"time"
)

// sender gathers bytes and writes them together.
//
// One goroutine gathers; what it has gathered is written by it or, when it
// waits for more for too long, by the timer's. The two never touch the same
// bytes: reads go behind what is gathered.
type sender struct {
	write func([]byte) error
	small bool // buffers stay small
	timer *time.Timer

	mu         sync.Mutex // held while gathered bytes are written
	buffer     *[]byte    // nil between bodies
	large      bool       // what the buffer is
	start, end int        // of what has been gathered and not written, in the buffer
	armed      bool       // the timer runs
	err        error      // of the timer's write

	gathers bool // reads wait for others
	lead    int  // of fast steps
	moved   int  // bytes of the present step
	since   time.Time
}

func (s *sender) init(write func([]byte) error, small bool) {
	s.write, s.small = write, small
	s.timer = time.AfterFunc(time.Hour, s.writeLate)
	s.timer.Stop()
}

// writeLate writes what has waited for too long.
func (s *sender) writeLate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.armed {
		s.gathers = false
		s.err = s.flush()
	}
}

// flush writes what has been gathered. It is called with s.mu held.
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

// hold gathers p if there is room for it.
func (s *sender) hold(p []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buffer != nil || len(p) > SmallBuffer/2 {
		return false
	}
	s.prepare()
	s.end = copy(*s.buffer, p)
	s.arm()
	return true
}

// writeNow writes what has been gathered, and p.
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

// send writes all of a body, and before it what has been gathered. It returns
// how much of the body has been written.
//
// When the body breaks off, what has been gathered of it is not written: what
// cannot become complete need not arrive.
func (s *sender) send(body io.Reader) (int64, error) {
	s.mu.Lock()
	s.gathers, s.lead, s.moved, s.since = true, 0, 0, time.Now()
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
				s.release()
				s.mu.Unlock()
				return size, nil
			}
		}
		if err != nil {
			size = max(0, size-int64(s.end-s.start))
			s.release()
			s.mu.Unlock()
			return size, err
		}
		s.measure(n)
		s.prepare()
		s.mu.Unlock()
	}
}

// wantsMore reports whether another read should go behind what has been
// gathered: if the body is one that is gathered, and there is a quarter of the
// buffer for it, or room for all that is left of the body. It has the timer run
// while that read waits.
func (s *sender) wantsMore(body io.Reader) bool {
	if !s.gathers {
		return false
	}
	room := len(*s.buffer) - s.end
	wanted := len(*s.buffer) / 4
	if limited, ok := body.(*io.LimitedReader); ok {
		wanted = int(min(int64(wanted), limited.N))
	}
	if room < wanted {
		return false
	}
	if s.start < s.end {
		s.arm()
	}
	return true
}

// arm has the timer run.
func (s *sender) arm() {
	if !s.armed {
		s.armed = true
		s.timer.Reset(MaxHold)
	}
}

// measure finds out how fast the body is.
func (s *sender) measure(n int) {
	if s.moved += n; s.moved < stepSize {
		return
	}
	now := time.Now()
	if took := now.Sub(s.since); took < stepTime {
		s.gathers = true
		s.lead = min(s.lead+1, maxLead)
	} else {
		s.lead = max(s.lead-int(took/stepTime), 0)
	}
	s.moved, s.since = 0, now
}

func (s *sender) wantsLarge() bool { return s.lead >= largeLead && !s.small }

// prepare makes the buffer ready for the next read: if nothing is in it, the
// read has all of it, and it may be another.
func (s *sender) prepare() {
	if s.start < s.end {
		return
	}
	s.start, s.end = 0, 0
	if s.buffer != nil && s.large == s.wantsLarge() {
		return
	}
	s.release()
	if s.large = s.wantsLarge(); s.large {
		s.buffer = largeBuffers.get()
	} else {
		s.buffer = smallBuffers.get()
	}
}

// release gives the buffer back, and what is in it up.
func (s *sender) release() {
	if s.armed {
		s.timer.Stop()
		s.armed = false
	}
	s.start, s.end = 0, 0
	switch {
	case s.buffer == nil:
		return
	case s.large:
		largeBuffers.put(s.buffer)
	default:
		smallBuffers.put(s.buffer)
	}
	s.buffer = nil
}

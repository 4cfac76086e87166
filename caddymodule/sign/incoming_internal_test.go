// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A Read that has waited for another to end does not wait for the
// client once more.
func TestABodyThatBrokeOffIsNotReadAgain(t *testing.T) {
	body := &incomingBody{source: io.MultiReader(strings.NewReader("abc"), brokenOnce())}
	if got, err := io.ReadAll(body); string(got) != "abc" || err == nil || body.hasMore() {
		t.Errorf("read %q, %v", got, err)
	}
	if n, err := body.Read(make([]byte, 10)); n != 0 || err == nil {
		t.Errorf("then read %d bytes, %v", n, err)
	}
}

// What a response interrupts has not ended: the rest can be discarded.
func TestABodyThatIsInterruptedGoesOn(t *testing.T) {
	deadline := make(chan struct{})
	waits := readerFunc(func([]byte) (int, error) {
		<-deadline
		return 0, os.ErrDeadlineExceeded
	})
	body := &incomingBody{source: io.MultiReader(strings.NewReader("abc"), onceThen(waits, strings.NewReader("def")))}
	if _, err := io.ReadFull(body, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	go body.interrupt(deadlineWriter{deadline: deadline})
	if n, err := body.Read(make([]byte, 10)); n != 0 || !errors.Is(err, errInterrupted) || !body.hasMore() {
		t.Errorf("read %d bytes, %v, left: %v", n, err, body.hasMore())
	}
	if rest, err := io.ReadAll(body); string(rest) != "def" || err != nil || body.hasMore() {
		t.Errorf("then %q, %v, left: %v", rest, err, body.hasMore())
	}
	// What has ended is not waited for, and its connection is left alone: the
	// server looks there for a client that goes away.
	body.interrupt(nil)
}

// A client may pause for so long before each of its bytes, also if another was
// waiting for the one before.
func TestEachPauseOfAClientIsMeasuredByItself(t *testing.T) {
	pieces := 2
	body := &incomingBody{http1: true, source: readerFunc(func(p []byte) (int, error) {
		if pieces--; pieces < 0 {
			return 0, io.EOF
		}
		time.Sleep(maxDrainPause * 3 / 4)
		return copy(p, "x"), nil
	})}
	readByAnother(body)
	body.drainBefore(deadlineWriter{}) // which panics if it is given one
	if body.hasMore() || body.broken.Load() {
		t.Error("it has not been read to its end")
	}
}

// That holds also when the wait for another has just been interrupted.
func TestAPauseIsBoundedAfterAnother(t *testing.T) {
	interrupted := make(chan struct{}, 2)
	first := true
	body := &incomingBody{http1: true, source: readerFunc(func(p []byte) (int, error) {
		<-interrupted
		if first { // a byte has come all the same
			first = false
			return copy(p, "x"), nil
		}
		return 0, os.ErrDeadlineExceeded
	})}
	readByAnother(body)
	body.drainBefore(interruptingWriter{interrupted: interrupted})
	if body.hasMore() {
		t.Error("it is still waited for")
	}
}

// readByAnother returns when another goroutine has been reading for a while.
func readByAnother(body *incomingBody) {
	reading := make(chan struct{})
	go func() {
		close(reading)
		_, _ = body.Read(make([]byte, 1))
	}()
	<-reading
	time.Sleep(maxDrainPause / 4)
}

// interruptingWriter ends one wait with each deadline.
type interruptingWriter struct {
	http.ResponseWriter
	interrupted chan struct{}
}

func (i interruptingWriter) SetReadDeadline(time.Time) error {
	i.interrupted <- struct{}{}
	return nil
}

// Nothing is done to a connection once its body has been read off: it may be
// another request's by then, or none's.
func TestInvariant4ADrainLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowDeadlineWriter{begun: make(chan struct{})}
		body := &incomingBody{source: readerFunc(func([]byte) (int, error) {
			<-w.begun // its end comes just then
			return 0, io.EOF
		})}
		body.drainBefore(w)
		if w.running.Load() {
			t.Error("its deadline is still being set")
		}
		time.Sleep(time.Minute)
	})
}

// slowDeadlineWriter takes its time to set a deadline.
type slowDeadlineWriter struct {
	http.ResponseWriter
	begun   chan struct{}
	running atomic.Bool
}

func (s *slowDeadlineWriter) SetReadDeadline(time.Time) error {
	s.running.Store(true)
	close(s.begun)
	time.Sleep(time.Second)
	s.running.Store(false)
	return nil
}

// onceThen returns a reader that reads from first once, and then from rest.
func onceThen(first, rest io.Reader) io.Reader {
	read := false
	return readerFunc(func(p []byte) (int, error) {
		if !read {
			read = true
			return first.Read(p)
		}
		return rest.Read(p)
	})
}

// deadlineWriter ends a wait when it is given a deadline.
type deadlineWriter struct {
	http.ResponseWriter
	deadline chan struct{}
}

func (d deadlineWriter) SetReadDeadline(time.Time) error { close(d.deadline); return nil }

// brokenOnce returns a reader that fails once and then has more, as a connection
// has whose deadline was moved.
func brokenOnce() io.Reader {
	failed := false
	return readerFunc(func(p []byte) (int, error) {
		if !failed {
			failed = true
			return 0, io.ErrUnexpectedEOF
		}
		return copy(p, "more"), nil
	})
}

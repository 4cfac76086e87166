// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/wire"
)

// sink is a connection that records what is written to it, and when.
type sink struct {
	net.Conn

	mu     sync.Mutex
	writes [][]byte
	at     []time.Time
	err    error         // of every write
	slow   time.Duration // a write takes so long
}

func (w *sink) Write(p []byte) (int, error) {
	time.Sleep(w.slow)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return 0, w.err
	}
	w.writes, w.at = append(w.writes, bytes.Clone(p)), append(w.at, time.Now())
	return len(p), nil
}

func (w *sink) Close() error { return nil }

// written returns all that has been written.
func (w *sink) written() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(bytes.Join(w.writes, nil))
}

// sizes returns the sizes of the writes.
func (w *sink) sizes() (sizes []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, write := range w.writes {
		sizes = append(sizes, len(write))
	}
	return sizes
}

// script is a body that is read in steps. A step waits, and then returns the given number of
// bytes, in as many Reads as needed.
type script struct {
	steps []step
	err   error // at the end, instead of io.EOF
	read  bytes.Buffer
}

// noise is what bodies are made of.
var noise = func() []byte {
	random, b := rand.NewChaCha8([32]byte{}), make([]byte, 1<<20)
	_, _ = random.Read(b)
	return b
}()

type step struct {
	after time.Duration
	size  int
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.steps) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		return 0, io.EOF
	}
	current := &s.steps[0]
	time.Sleep(current.after)
	current.after = 0
	n, want := 0, min(len(p), current.size)
	for n < want {
		n += copy(p[n:want], noise[(s.read.Len()+n)%(len(noise)-1):]) // of a length that no buffer has
	}
	s.read.Write(p[:n])
	if current.size -= n; current.size == 0 {
		s.steps = s.steps[1:]
	}
	return n, nil
}

const head = "POST /base/ HTTP/1.1\r\nHost: example.com\r\nContent-Length: 20000\r\nAccept: */*\r\n\r\n"

// upload writes as net/http does: the head, and then the body.
func upload(t *testing.T, c *wire.Conn, head string, body io.Reader) (int64, error) {
	t.Helper()
	if n, err := io.WriteString(c, head); n != len(head) || err != nil {
		t.Fatalf("the head: %d, %v", n, err)
	}
	return c.ReadFrom(body)
}

func TestASmallUploadIsOneWrite(t *testing.T) {
	w := new(sink)
	body := strings.Repeat("x", 20000)
	// Bodies are read in pieces, and limited to their length.
	pieces := io.MultiReader(strings.NewReader(body[:3000]), strings.NewReader(body[3000:]))
	n, err := upload(t, wire.NewConn(w, nil, false), head, io.LimitReader(pieces, 20000))
	if n != 20000 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if len(w.writes) != 1 || w.written() != head+body {
		t.Errorf("writes of %v", w.sizes())
	}
}

func TestAFastBodyIsSentInLargePieces(t *testing.T) {
	const size = 40 << 20
	synctest.Test(t, func(t *testing.T) {
		w := new(sink)
		body := &script{steps: []step{{0, size}}}
		n, err := upload(t, wire.NewConn(w, nil, false), head, io.LimitReader(body, size))
		if n != size || err != nil {
			t.Errorf("got %d, %v", n, err)
		}
		if w.written() != head+body.read.String() {
			t.Error("what arrived is not what was sent")
		}
		sizes := w.sizes()
		if most := wire.MinLead/wire.SmallBuffer + 1 + size/wire.LargeBuffer; len(sizes) > most {
			t.Errorf("%d writes, want %d at most", len(sizes), most)
		}
		if slices.Max(sizes) != wire.LargeBuffer {
			t.Errorf("the largest write has %d bytes", slices.Max(sizes))
		}
	})
}

func TestABodyIsSentInSmallPiecesWhereALargeOneWouldTakeTooLong(t *testing.T) {
	w, chunks := new(sink), new(sink)
	if _, err := upload(t, wire.NewConn(w, nil, true), head, &script{steps: []step{{0, 20 << 20}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(chunks, &wire.Body{io.NopCloser(&script{steps: []step{{0, 20 << 20}}}), true}); err != nil {
		t.Fatal(err)
	}
	if largest := slices.Max(append(w.sizes(), chunks.sizes()...)); largest > wire.SmallBuffer {
		t.Errorf("a write of %d bytes", largest)
	}
}

// A slow body takes no more memory than in net/http.
func TestASlowBodyHasASmallBuffer(t *testing.T) {
	bursts := func(size int, every time.Duration) (steps []step) {
		for range 8 << 20 / size {
			steps = append(steps, step{every, size})
		}
		return steps
	}
	fast := []step{{0, 4 * wire.MinLead}}
	var crumbs []step
	for range 20 {
		crumbs = append(crumbs, step{30 * time.Second, 1})
	}
	tests := map[string]struct {
		steps []step
		write time.Duration // how long it takes
		from  int           // the step from which the buffer is small
	}{
		"8 MiB/s in bursts of 64 KiB":    {bursts(64<<10, 8*time.Millisecond), 0, 0},
		"8 MiB/s in bursts of 256 KiB":   {bursts(256<<10, 32*time.Millisecond), 0, 0},
		"16 KiB at a time":               {bursts(16<<10, time.Millisecond), 0, 0},
		"a slow upstream":                {fast, 2 * time.Millisecond, 0},
		"a fast body that almost stalls": {append(slices.Clone(fast), crumbs...), 0, 5},
		"a fast body that becomes slow":  {append(slices.Clone(fast), bursts(64<<10, 8*time.Millisecond)...), 0, 70},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &sink{slow: test.write}
				steps := len(test.steps)
				body := &script{steps: test.steps}
				large := 0
				_, err := upload(t, wire.NewConn(w, nil, false), head, rawtest.ReaderFunc(func(p []byte) (int, error) {
					if steps-len(body.steps) >= test.from && len(p) > wire.SmallBuffer {
						large++
					}
					return body.Read(p)
				}))
				if err != nil {
					t.Fatal(err)
				}
				if large > 0 {
					t.Errorf("%d reads into a large buffer", large)
				}
				if w.written() != head+body.read.String() {
					t.Error("what arrived is not what was sent")
				}
			})
		})
	}
}

// No byte waits for others for longer than [MaxHold], however they come.
func TestWhatWaitsLeavesInTime(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			w := new(sink)
			body := new(script)
			for range 1 + random.IntN(50) {
				after := time.Duration(random.IntN(3)) * time.Duration(random.IntN(int(2*wire.MaxHold)))
				body.steps = append(body.steps, step{after, 1 + random.IntN(1<<random.IntN(20))})
			}
			// The time at which each byte came.
			type arrival struct {
				size int
				at   time.Time
			}
			arrivals := []arrival{{len(head), time.Now()}}
			size := len(head)
			_, err := upload(t, wire.NewConn(w, nil, false), head, rawtest.ReaderFunc(func(p []byte) (int, error) {
				n, err := body.Read(p)
				size += n
				arrivals = append(arrivals, arrival{size, time.Now()})
				return n, err
			}))
			if err != nil {
				t.Fatal(err)
			}
			if w.written() != head+body.read.String() {
				t.Fatal("what arrived is not what was sent")
			}
			left := 0
			for i, write := range w.writes {
				first := arrivals[slices.IndexFunc(arrivals, func(a arrival) bool { return a.size > left })]
				if waited := w.at[i].Sub(first.at); waited > wire.MaxHold {
					t.Errorf("a byte waited for %v", waited)
				}
				left += len(write)
			}
		})
	}
}

func TestAHeadLeavesInTimeWhenTheBodyDoesNotCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, body := new(sink), &script{steps: []step{{time.Hour, 100}}}
		began := time.Now()
		if _, err := upload(t, wire.NewConn(w, nil, false), head, body); err != nil {
			t.Fatal(err)
		}
		if len(w.writes) != 2 || string(w.writes[0]) != head || w.at[0].Sub(began) != wire.MaxHold {
			t.Errorf("writes of %v, the first after %v", w.sizes(), w.at[0].Sub(began))
		}
	})
}

var errBroken = errors.New("broken")

// The rest of a body that breaks off is not written. The error is the body's own, which
// net/http compares.
func TestABodyThatBreaksOff(t *testing.T) {
	tests := map[string]struct {
		steps []step
		want  int64 // bytes of the body that are written
	}{
		"at once":         {nil, 0},
		"early":           {[]step{{0, 1000}}, 0},
		"after a pause":   {[]step{{0, 1000}, {2 * wire.MaxHold, 1000}}, 2000},
		"after much else": {[]step{{0, wire.SmallBuffer - len(head) + 5}}, int64(wire.SmallBuffer - len(head))},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := new(sink)
				n, err := upload(t, wire.NewConn(w, nil, false), head, &script{steps: test.steps, err: errBroken})
				if err != errBroken { //nolint:errorlint // as net/http does
					t.Errorf("error %v", err)
				}
				time.Sleep(time.Second)
				written := int64(len(w.written()))
				if n != test.want || written != 0 && written != int64(len(head))+test.want || test.want > 0 && written == 0 {
					t.Errorf("%d of the body written, %d in all", n, written)
				}
			})
		})
	}
}

func TestAnErrorOfAWriteEndsTheBody(t *testing.T) {
	for name, steps := range map[string][]step{
		"at the end": {{0, 100}}, "of a full buffer": {{0, 10 << 20}}, "of the timer": {{2 * wire.MaxHold, 100}, {time.Hour, 100}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := wire.NewConn(&sink{err: errBroken}, nil, false)
				n, err := upload(t, c, head, &script{steps: steps})
				if n != 0 || !errors.Is(err, errBroken) {
					t.Errorf("got %d, %v", n, err)
				}
				if _, err := io.WriteString(c, "more"); !errors.Is(err, errBroken) {
					t.Errorf("the next write: %v", err)
				}
			})
		})
	}
}

func TestABodyOfUnknownLengthIsSentInLargePieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(sink)
		script := &script{steps: []step{{0, 10}, {0, 1000}, {0, 20 << 20}}}
		n, err := io.Copy(w, &wire.Body{ReadCloser: io.NopCloser(script)})
		if n != 20<<20+1010 || err != nil || w.written() != script.read.String() {
			t.Errorf("got %d, %v", n, err)
		}
		if sizes := w.sizes(); sizes[0] < wire.SmallBuffer*3/4 || slices.Max(sizes) != wire.LargeBuffer {
			t.Errorf("writes of %v", sizes)
		}
	})
}

// discard is a connection that discards what is written.
type discard struct{ net.Conn }

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func TestSendingAllocatesNothing(t *testing.T) {
	c, content := wire.NewConn(discard{}, nil, false), make([]byte, 20000)
	start, reader := []byte(head), bytes.NewReader(nil)
	limited := new(io.LimitedReader)
	if allocations := testing.AllocsPerRun(1000, func() {
		reader.Reset(content)
		limited.R, limited.N = reader, int64(len(content))
		_, _ = c.Write(start)
		_, _ = c.ReadFrom(limited)
	}); allocations > 0 {
		t.Errorf("%v allocations for an upload", allocations)
	}
}

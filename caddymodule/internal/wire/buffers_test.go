// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/wire"
)

// checkGivesBack checks that repeated use of something returns its buffers to the pool.
func checkGivesBack(t *testing.T, size int, use func()) {
	t.Helper()
	const times = 32
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		use()
	}
	runtime.ReadMemStats(&after)
	// With the race detector, a pool forgets a quarter, and each collection some.
	if took := after.TotalAlloc - before.TotalAlloc; took > uint64(times*size*3/4) {
		t.Errorf("%d bytes are taken for %d buffers of %d bytes", took, times, size)
	}
}

// fastBody is a body whose given number of bytes come at once, and then another reader's.
func fastBody(size int, then rawtest.ReaderFunc) io.Reader {
	return rawtest.ReaderFunc(func(p []byte) (int, error) {
		if size <= 0 {
			return then(p)
		}
		n := min(len(p), size)
		size -= n
		return n, nil
	})
}

func ends(err error) rawtest.ReaderFunc { return func([]byte) (int, error) { return 0, err } }

// A connection that is idle, or has failed, holds no buffer.
func TestBuffersAreGivenBack(t *testing.T) {
	pausing := func([]byte) (int, error) {
		time.Sleep(time.Hour)
		return 1, nil
	}
	tests := map[string]struct {
		to     net.Conn
		body   int
		then   rawtest.ReaderFunc
		buffer int
	}{
		"small":                          {discard{}, 100, ends(io.EOF), wire.SmallBuffer},
		"large":                          {discard{}, 5 * wire.MinLead, ends(io.EOF), wire.LargeBuffer},
		"broken":                         {discard{}, 0, ends(errBroken), wire.SmallBuffer},
		"a large one that is broken":     {discard{}, 5 * wire.MinLead, ends(errBroken), wire.LargeBuffer},
		"a write that fails":             {&sink{err: errBroken}, 100, ends(io.EOF), wire.SmallBuffer},
		"a write that fails, midway":     {&sink{err: errBroken}, 10 << 20, ends(io.EOF), wire.SmallBuffer},
		"a write that fails, in a pause": {&sink{err: errBroken}, 100, pausing, wire.SmallBuffer},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				checkGivesBack(t, test.buffer, func() {
					_, _ = upload(t, wire.NewConn(test.to, nil, false), head, fastBody(test.body, test.then))
				})
			})
		})
	}
}

// A connection that is closed while it waits for its body returns the buffer after two more
// Reads.
func TestAConnectionThatIsClosedInMidBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checkGivesBack(t, wire.LargeBuffer, func() {
			client, server := net.Pipe()
			go rawtest.Discard(server)
			c := wire.NewConn(client, nil, false)
			time.AfterFunc(time.Minute, func() { _ = c.Close() })
			more := 3
			_, err := upload(t, c, head, fastBody(4*wire.MinLead, func([]byte) (int, error) {
				if more == 0 {
					return 0, io.EOF
				}
				more--
				time.Sleep(time.Hour)
				return 100, nil
			}))
			if !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("got %v", err)
			}
			if more == 0 {
				t.Error("all of the body was read")
			}
		})
	})
}

// While a head waits for a body that does not come, it holds no buffer.
func TestAHeadThatHasLeftHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var connections []*wire.Conn
		w := new(sink)
		checkGivesBack(t, wire.SmallBuffer, func() {
			w = new(sink)
			c := wire.NewConn(w, nil, false)
			connections = append(connections, c)
			if _, err := io.WriteString(c, head); err != nil {
				t.Fatal(err)
			}
			time.Sleep(wire.MaxHold)
			synctest.Wait()
			if w.written() != head {
				t.Errorf("%q was written", w.written())
			}
		})
		last := connections[len(connections)-1]
		if n, err := last.ReadFrom(&script{steps: []step{{0, 100}}}); n != 100 || err != nil || len(w.written()) != len(head)+100 {
			t.Errorf("the body: %d, %v", n, err)
		}
	})
}

func TestRecordBuffersAreGivenBack(t *testing.T) {
	record := make([]byte, 16<<10)
	record[0] = wire.ApplicationData
	checkGivesBack(t, wire.RecordBuffer, func() {
		r := wire.NewRecords(discard{})
		r.Gather()
		for range 10 {
			_, _ = r.Write(record)
		}
		_ = r.Flush()
	})
}

// Clients that were fast and then stall hold their buffers, but not all memory.
func TestLargerBuffersAreBounded(t *testing.T) {
	const bodies = wire.MaxLarger/wire.LargeBuffer + 20
	synctest.Test(t, func(t *testing.T) {
		for range 2 { // the second time, what the first had has been given back
			var running sync.WaitGroup
			var all, larger atomic.Int64 // bytes that the reads have which wait
			for range bodies {
				running.Go(func() {
					_, _ = upload(t, wire.NewConn(discard{}, nil, false), head, fastBody(10*wire.MinLead, func(p []byte) (int, error) {
						all.Add(int64(len(p)))
						if len(p) > wire.SmallBuffer {
							larger.Add(int64(len(p)))
						}
						time.Sleep(time.Hour)
						return 0, io.EOF
					}))
				})
			}
			time.Sleep(time.Minute)
			if larger := larger.Load(); larger > wire.MaxLarger || larger < wire.MaxLarger-wire.LargeBuffer {
				t.Errorf("%d bytes in larger buffers", larger)
			}
			if most := int64(wire.MaxLarger + bodies*wire.SmallBuffer); all.Load() > most {
				t.Errorf("%d bytes in all buffers, want %d at most", all.Load(), most)
			}
			running.Wait()
		}
	})
}

// A connection that was fast does not begin its next upload in a large buffer.
func TestTheNextBodyBeginsInASmallBuffer(t *testing.T) {
	c := wire.NewConn(discard{}, nil, false)
	if _, err := upload(t, c, head, fastBody(4*wire.MinLead, ends(io.EOF))); err != nil {
		t.Fatal(err)
	}
	_, _ = upload(t, c, head, rawtest.ReaderFunc(func(p []byte) (int, error) {
		if len(p) > wire.SmallBuffer {
			t.Errorf("it begins with a read of %d bytes", len(p))
		}
		return 0, io.EOF
	}))
}

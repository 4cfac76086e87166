// SPDX-License-Identifier: Apache-2.0

package window

import (
	"bytes"
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
)

// frame is one that was read from a stream, of which the last may be incomplete.
type frame struct {
	header, payload []byte
}

// framesIn splits a stream into frames.
func framesIn(stream []byte) (all []frame) {
	for len(stream) > 0 {
		head := stream[:min(len(stream), headerSize)]
		stream = stream[len(head):]
		if len(head) < headerSize {
			return append(all, frame{header: head})
		}
		length := min(len(stream), int(binary.BigEndian.Uint32(append([]byte{0}, head[:3]...))))
		all = append(all, frame{head, stream[:length]})
		stream = stream[length:]
	}
	return all
}

// isGrant reports whether a frame is a whole update for the connection.
func (f frame) isGrant() bool {
	return len(f.header) == headerSize && bytes.Equal(f.header[:4], []byte{0, 0, updateSize, byte(http2.FrameWindowUpdate)}) &&
		binary.BigEndian.Uint32(f.header[5:])&maxIncrement == 0 && len(f.payload) == updateSize
}

// isWhole reports whether all of a frame is there.
func (f frame) isWhole() bool {
	return len(f.header) == headerSize && len(f.payload) == header(f.header).length()
}

func (f frame) increment() int { return int(binary.BigEndian.Uint32(f.payload) & maxIncrement) }

// inPieces calls use with a stream in pieces of the given sizes, over and over.
func inPieces(stream, sizes []byte, use func([]byte)) {
	for i := 0; len(stream) > 0; i++ {
		size := len(stream)
		if len(sizes) > 0 {
			size = min(size, 1+int(sizes[i%len(sizes)]))
		}
		use(stream[:size])
		stream = stream[size:]
	}
}

// FuzzFrames: whatever a server sends, and in whatever pieces, the client gets the same
// frames, but for updates of the connection's window: of these, it gets as much as the
// server has granted at most, none by nothing, and one ping behind the first. Whatever a
// client sends, each byte of DATA counts, up to the window and no further.
func FuzzFrames(f *testing.F) {
	update := []byte{0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 16, 0, 0}
	data := append([]byte{0, 0, 3, 0, 1, 0, 0, 0, 1}, "abc"...)
	f.Add(bytes.Join([][]byte{{0, 0, 0, 4, 0, 0, 0, 0, 0}, update, data, update}, nil), []byte{0, 3, 12})
	f.Add(bytes.Join([][]byte{data, {0, 0, 8, 6, 1, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}, update[:11]}, nil), []byte{255})
	f.Add([]byte{0, 0, 4, 8, 0, 128, 0, 0, 0, 255, 255, 255, 255, 0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0}, []byte(nil))
	f.Add([]byte{32, 0, 0, 0, 0, 0, 0, 0, 1}, []byte{1})
	f.Fuzz(func(t *testing.T, stream, sizes []byte) {
		whole, sliced := newOutgoing(), newOutgoing()
		passed := bytes.Clone(whole.pass(bytes.Clone(stream)))
		var inSlices []byte
		inPieces(bytes.Clone(stream), sizes, func(piece []byte) { inSlices = append(inSlices, sliced.pass(piece)...) })
		if !bytes.Equal(passed, inSlices) {
			t.Fatalf("%x passes as %x, and in pieces as %x", stream, passed, inSlices)
		}
		checkPassed(t, framesIn(stream), framesIn(inSlices))
		checkCounted(t, stream, sizes)
	})
}

// newOutgoing returns what changes a server's frames, with a budget of its own.
func newOutgoing() *outgoing {
	budget := new(Budget)
	budget.Allow(4 << 20)
	return &outgoing{flow: newFlow(budget)}
}

// checkPassed compares what the client gets with what the server sent.
func checkPassed(t *testing.T, sent, got []frame) {
	t.Helper()
	granted, passed := 0, 0
	for {
		for ; len(sent) > 0 && sent[0].isGrant(); sent = sent[1:] {
			granted += sent[0].increment()
		}
		for ; len(got) > 0 && got[0].isGrant(); got = got[1:] {
			if got[0].increment() == 0 {
				t.Fatal("an update by nothing")
			}
			if passed == 0 { // the first: the ping follows
				if len(got) < 2 || !bytes.Equal(append(bytes.Clone(got[1].header), got[1].payload...), ping) {
					t.Fatalf("no ping: %x", got)
				}
				got = append([]frame{got[0]}, got[2:]...)
			}
			passed += got[0].increment()
		}
		switch {
		case passed > granted:
			t.Fatalf("the client gets %d of %d", passed, granted)
		case len(got) == 0 && (len(sent) == 0 || len(sent) == 1 && !sent[0].isWhole()):
			return
		case len(got) == 0 || len(sent) == 0 || !bytes.Equal(sent[0].header, got[0].header) || !bytes.Equal(sent[0].payload, got[0].payload):
			t.Fatalf("%x is passed on as %x", sent, got)
		}
		sent, got = sent[1:], got[1:]
	}
}

// checkCounted checks what counts of a client's frames.
func checkCounted(t *testing.T, stream, sizes []byte) {
	t.Helper()
	in, left, want := incoming{flow: newFlow(new(Budget))}, Default, true
	for _, f := range framesIn(stream) {
		if len(f.header) == headerSize && f.header[3] == byte(http2.FrameData) {
			left -= header(f.header).length()
			want = want && left >= 0
		}
	}
	got := true
	inPieces(stream, sizes, func(piece []byte) {
		if got {
			got = in.scan(piece) == nil
		}
	})
	if got != want || want && in.flow.available != left {
		t.Fatalf("%x: taken: %v, %d are left, want %v, %d", stream, got, in.flow.available, want, left)
	}
}

// FuzzFlow: whatever comes and is read on a few connections, and in whatever order, they hold
// no more than the budget beyond the least of each, none has less than that, and all is
// given back.
func FuzzFlow(f *testing.F) {
	f.Add([]byte{0, 255, 3, 200, 6, 100, 6, 1, 1, 9, 4, 255, 7, 255, 8, 0})
	f.Add(bytes.Repeat([]byte{0, 255, 3, 255, 6, 7}, 40))
	f.Add([]byte{2, 80, 5, 90, 8, 200, 11, 0, 8, 3})
	const limit, connections = 5 << 20, 3
	f.Fuzz(func(t *testing.T, script []byte) {
		const most = 400 // steps: more show nothing else
		script = script[:min(len(script), 2*most)]
		synctest.Test(t, func(t *testing.T) {
			var budget Budget
			budget.Allow(limit)
			servers, rests := make([]*server, connections), make([]int, connections)
			for i := range servers {
				servers[i] = newServer(t, &budget)
				servers[i].roundTrip = time.Duration(i) * far // so that two have some ahead of uploads
			}
			for ; len(script) >= 2; script = script[2:] {
				i, size := int(script[0])%connections, int(script[1])<<15
				s := servers[i]
				switch int(script[0]) / connections % 4 {
				case 0:
					s.expect(int64(size))
					rests[i] += size
				case 1:
					rests[i] -= s.takes(t, min(rests[i], size))
				case 2:
					if n := min(s.held, 1+size/8); n > 0 {
						s.reads(n, 1e5*float64(uint(1)<<(script[0]>>4)))
					}
				default:
					time.Sleep(time.Duration(size) * time.Microsecond)
				}
				checkWindows(t, &budget, limit, servers)
			}
			for _, s := range servers {
				s.close()
			}
			if got := budget.Held(); got != 0 {
				t.Fatalf("%d are held in the end", got)
			}
		})
	})
}

// checkWindows checks the windows of some connections.
func checkWindows(t *testing.T, budget *Budget, limit int, servers []*server) {
	t.Helper()
	total := 0
	for _, s := range servers {
		if s.window() < least {
			t.Fatalf("a window of %d", s.window())
		}
		total += s.window() - least
	}
	if total > budget.Held() || budget.Held() > limit {
		t.Fatalf("%d beyond the least windows, %d held of %d", total, budget.Held(), limit)
	}
}

// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
)

// Invariant 4: what is kept of a body has a fixed bound, and nothing is kept
// before it comes, nor of a stream.
func TestInvariant4WhatIsKeptIsBounded(t *testing.T) {
	for length, want := range map[int64]int{-1: 0, 0: 0, 1: 4 << 10, 4 << 10: 4 << 10, 4<<10 + 1: 8 << 10, 20 << 10: 32 << 10, maxKeptSize: maxKeptSize, maxKeptSize + 1: 0, 1 << 40: 0} {
		t.Run(fmt.Sprint(length), func(t *testing.T) {
			body := bytes.Repeat([]byte("x"), int(min(max(length, 1), 2*maxKeptSize)))
			bound, incoming := freshMemory(t), &incomingBody{source: bytes.NewReader(body)}
			defer incoming.recycle()
			if incoming.keep(length); bound.Held() != 0 {
				t.Error("a buffer is taken for what has not come")
			}
			if _, err := io.Copy(io.Discard, incoming); err != nil {
				t.Fatal(err)
			}
			whole, ok := incoming.all()
			if cap(whole) != want || bound.Held() != want {
				t.Errorf("%d bytes are held, %d taken, want %d", cap(whole), bound.Held(), want)
			}
			if ok != (want > 0) || ok && !bytes.Equal(whole, body) {
				t.Errorf("%d bytes were kept, %v", len(whole), ok)
			}
		})
	}
}

// What counts of a body that is kept is what has come, not what was announced.
func TestMemoryOfKeptBodiesIsTakenAsBytesCome(t *testing.T) {
	bound := freshMemory(t)
	body := strings.Repeat("0123456789abcdef", maxKeptSize/16)
	incoming := &incomingBody{source: strings.NewReader(body)}
	incoming.keep(maxKeptSize)
	came := 0
	for _, test := range []struct{ n, held int }{{1, 4 << 10}, {1023, 4 << 10}, {3 << 10, 4 << 10}, {1, 32 << 10}, {28<<10 - 1, 32 << 10}, {1, 64 << 10}, {32<<10 - 1, 64 << 10}} {
		if _, err := io.ReadFull(incoming, make([]byte, test.n)); err != nil {
			t.Fatal(err)
		}
		if came += test.n; bound.Held() != test.held || cap(*incoming.kept.buffer) != test.held {
			t.Errorf("%d bytes are held, %d taken, of %d, want %d", cap(*incoming.kept.buffer), bound.Held(), came, test.held)
		}
	}
	if whole, ok := incoming.all(); !ok || string(whole) != body {
		t.Errorf("%d bytes were kept, %v", len(whole), ok)
	}
	incoming.recycle()
}

// A body that does not come whole, or is longer than was announced, is not one
// to be sent again.
func TestABodyThatIsNotWholeIsNotKept(t *testing.T) {
	for announced, came := range map[int64]int{100: 99, 99: 100} {
		incoming := &incomingBody{source: strings.NewReader(strings.Repeat("x", came))}
		incoming.keep(announced)
		_, _ = io.Copy(io.Discard, incoming)
		if _, ok := incoming.all(); ok {
			t.Errorf("%d of %d bytes count as the body", came, announced)
		}
	}
}

// beginKept returns a body that is kept, and of which the first three bytes have come.
func beginKept(t *testing.T, source io.Reader, length int64) *incomingBody {
	t.Helper()
	incoming := &incomingBody{source: source}
	incoming.keep(length)
	readMore(t, incoming)
	return incoming
}

// readMore reads three bytes.
func readMore(t *testing.T, incoming *incomingBody) {
	t.Helper()
	if _, err := io.ReadFull(incoming, make([]byte, 3)); err != nil {
		t.Error(err)
	}
}

// wantKept reads the rest of six bytes, and checks that the body was kept as it came.
func wantKept(t *testing.T, incoming *incomingBody, want string) {
	t.Helper()
	readMore(t, incoming)
	if whole, ok := incoming.all(); !ok || string(whole) != want {
		t.Errorf("%q was kept of %q", whole, want)
	}
	incoming.recycle()
}

// The proxy may still be waiting for the client's next bytes when the request is
// over. What it adds them to is not used for another request.
func TestABufferIsNotUsedAgainWhileAReaderIsInside(t *testing.T) {
	freshMemory(t)
	for _, again := range []bool{false, true} { // once nobody is inside
		inside, client := make(chan struct{}), make(chan struct{})
		waits := readerFunc(func(p []byte) (int, error) {
			close(inside)
			<-client
			return copy(p, "def"), nil
		})
		incoming := beginKept(t, io.MultiReader(strings.NewReader("abc"), waits), 6)
		var reader sync.WaitGroup
		reader.Go(func() { readMore(t, incoming) })
		<-inside
		incoming.recycle()
		others := make([]*incomingBody, 4)
		for i := range others {
			others[i] = beginKept(t, strings.NewReader("ghijkl"), 6)
		}
		close(client)
		reader.Wait()
		for _, other := range others {
			wantKept(t, other, "ghijkl")
		}
		if again {
			incoming.recycle()
		}
		if whole, ok := incoming.all(); ok == again || !again && string(whole) != "abcdef" {
			t.Errorf("%q is there, and was given back: %v", whole, again)
		}
	}
}

// Who reads after that finds nothing to add to: it may be another's.
func TestALateReaderAddsToNothing(t *testing.T) {
	bound := freshMemory(t)
	late := beginKept(t, strings.NewReader("abcdef"), 6)
	late.recycle()
	other := beginKept(t, strings.NewReader("ghijkl"), 6)
	held := bound.Held()
	readMore(t, late)
	if bound.Held() != held {
		t.Error("a late reader holds memory")
	}
	wantKept(t, other, "ghijkl")
	if whole, ok := late.all(); ok {
		t.Errorf("a late reader finds %q", whole)
	}
}

// SPDX-License-Identifier: Apache-2.0

package window

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// written returns the frames that a function writes.
func written(t *testing.T, write func(*http2.Framer) error) []byte {
	t.Helper()
	var to bytes.Buffer
	if err := write(http2.NewFramer(&to, nil)); err != nil {
		t.Fatal(err)
	}
	return to.Bytes()
}

// cut returns content in pieces of random lengths.
func cut(random *rand.Rand, content []byte) (pieces [][]byte) {
	for len(content) > 0 {
		n := min(len(content), 1+random.IntN(1<<random.IntN(16)))
		pieces = append(pieces, content[:n])
		content = content[n:]
	}
	return pieces
}

// passed returns what the client gets of what a server sends in pieces.
func passed(t *testing.T, flow *flow, sent []byte, seed uint64) (got []byte) {
	t.Helper()
	out := outgoing{flow: flow}
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // reproducible
	for i, piece := range cut(random, sent) {
		before := bytes.Clone(piece)
		got = append(got, out.pass(piece)...)
		if !bytes.Equal(piece, before) {
			t.Fatalf("piece %d was changed in its place", i)
		}
	}
	return got
}

func TestOnlyUpdatesForTheConnectionChange(t *testing.T) {
	download := bytes.Repeat([]byte{0, 0, 4, 8, 0}, 20<<10) // which looks like updates
	frames := func(update uint32) []byte {
		return written(t, func(f *http2.Framer) error {
			errs := []error{
				f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 24}),
				f.WriteWindowUpdate(1, 7000), f.WriteData(1, false, download), f.WritePing(true, [8]byte{8}),
			}
			if update > 0 {
				errs = append(errs, f.WriteWindowUpdate(0, update))
			}
			return errors.Join(append(errs, f.WriteData(3, true, nil), f.WriteWindowUpdate(3, 70))...)
		})
	}
	for name, test := range map[string]struct {
		window int // of 8 MiB that the server grants
		want   uint32
	}{
		"a window that is right":   {least, 5000},
		"one that is too large":    {3 << 20, 0},
		"one that is nearly right": {least + 2000, 3000},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(100) {
				flow := newFlow(new(Budget))
				flow.total, flow.reserve, flow.pinged = 8<<20, 8<<20-test.window, time.Now()
				if got := passed(t, flow, frames(5000), seed); !bytes.Equal(got, frames(test.want)) {
					t.Fatalf("seed %d: other frames", seed)
				}
			}
		})
	}
}

func TestADownloadIsNotCopied(t *testing.T) {
	out := outgoing{flow: newFlow(new(Budget))}
	frames := written(t, func(f *http2.Framer) error {
		return errors.Join(f.WriteWindowUpdate(1, 7000), f.WriteData(1, false, make([]byte, 16<<10)), f.WriteData(3, false, make([]byte, 8<<10)))
	})
	for _, piece := range [][]byte{frames[:13+9+500], frames[13+9+500:]} { // whole headers
		if got := out.pass(piece); len(got) != len(piece) || &got[0] != &piece[0] {
			t.Errorf("%d bytes of %d are others", len(got), len(piece))
		}
	}
}

func TestAClientIsAskedOnceForItsRoundTrip(t *testing.T) {
	flow := newFlow(new(Budget))
	var sent bytes.Buffer
	sent.Write(passed(t, flow, written(t, func(f *http2.Framer) error {
		return errors.Join(f.WriteSettings(), f.WriteWindowUpdate(0, 8<<20), f.WriteWindowUpdate(0, 8<<10))
	}), 1))
	var kinds []http2.FrameType
	for framer := http2.NewFramer(io.Discard, &sent); ; {
		frame, err := framer.ReadFrame()
		if err != nil {
			break
		}
		kinds = append(kinds, frame.Header().Type)
	}
	if want := []http2.FrameType{http2.FrameSettings, http2.FrameWindowUpdate, http2.FramePing, http2.FrameWindowUpdate}; !slices.Equal(kinds, want) {
		t.Errorf("got %v", kinds)
	}
	in := incoming{flow: flow}
	if err := in.scan(written(t, func(f *http2.Framer) error { return f.WritePing(true, [8]byte{}) })); err != nil || flow.roundTrip == 0 {
		t.Errorf("the round trip is %v, %v", flow.roundTrip, err)
	}
}

func TestDataFramesAreCountedHoweverTheyCome(t *testing.T) {
	request := append([]byte(http2.ClientPreface), written(t, func(f *http2.Framer) error {
		return errors.Join(f.WriteSettings(), f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: make([]byte, 100), EndHeaders: true}),
			f.WriteData(1, false, make([]byte, 10_000)), f.WriteDataPadded(1, false, make([]byte, 5000), make([]byte, 99)), f.WriteRSTStream(1, 0), f.WriteData(3, true, make([]byte, 400)))
	})...)
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // reproducible
		in := incoming{flow: newFlow(new(Budget)), skip: len(http2.ClientPreface)}
		for _, piece := range cut(random, request) {
			if err := in.scan(piece); err != nil {
				t.Fatal(err)
			}
		}
		// With a byte for the length of the padding.
		if got := Default - in.flow.available; got != 10_000+5000+99+1+400 {
			t.Fatalf("seed %d: counted %d", seed, got)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package window

import (
	"io"
	"math"
	"testing"
)

// newEndless returns a body that says it has a length, and has whatever is read of it.
func newEndless(length int64, f *flow) *body {
	return newBody(io.NopCloser(endless{}), length, f)
}

func TestTheRestOfABodyIsExpectedHoweverLongItIs(t *testing.T) {
	const gibibyte = 1 << 30
	tests := map[string]struct {
		length   int64
		read     int64
		expected int64
	}{
		"nothing was read":                   {5 * gibibyte, 0, 5 * gibibyte},
		"1 GiB was":                          {5 * gibibyte, gibibyte, 4 * gibibyte},
		"more than an int32 was":             {5 * gibibyte, 3 * gibibyte, 2 * gibibyte},
		"all of it":                          {3 * gibibyte, 3 * gibibyte, 0},
		"unknown length, nothing was read":   {-1, 0, small},
		"unknown length":                     {-1, gibibyte, small + gibibyte},
		"unknown length, more than an int32": {-1, 3 * gibibyte, small + 3*gibibyte},
	}
	piece := make([]byte, mebibyte)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFlow(new(Budget))
			b := newEndless(test.length, f)
			for range test.read / mebibyte {
				if _, err := b.Read(piece); err != nil {
					t.Fatal(err)
				}
			}
			if f.expected != test.expected {
				t.Errorf("%d are expected, want %d", f.expected, test.expected)
			}
			b.finish()
			if f.expected != 0 {
				t.Errorf("%d are expected when it has ended", f.expected)
			}
		})
	}
}

// Clients may say what they like.
func TestLengthsBeyondAnyRealOneDoNotOverflow(t *testing.T) {
	f := newFlow(new(Budget))
	for range 1000 {
		newEndless(math.MaxInt64, f)
		if f.expected < longest {
			t.Fatalf("%d are expected", f.expected)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// manyBoundaries is a Content-Type that can be read as naming the given number of
// boundaries.
func manyBoundaries(count int) string {
	var header strings.Builder
	header.WriteString(MediaMultipart)
	for i := range count {
		fmt.Fprintf(&header, "; boundary=%03x", i)
	}
	return header.String()
}

// hostileBeginnings are beginnings of a body that settle nothing for long.
func hostileBeginnings() map[string][]byte {
	repeat := func(line string) []byte { return bytes.Repeat([]byte(line), MaxPreambleSize/len(line)) }
	return map[string][]byte{
		"dashes":           repeat("--\r\n"),
		"empty lines":      repeat("\r\n"),
		"near delimiters":  repeat("--00\r\n"),
		"longer ones":      repeat("--0000\r\n"),
		"one long line":    repeat("x"),
		"carriage returns": repeat("\r"),
		"bare line feeds":  repeat("--000\n"),
	}
}

func settlable(tb testing.TB, header string) ContentType {
	tb.Helper()
	contentType, err := ParseContentType([]string{header})
	if err != nil || contentType.Settled() {
		tb.Fatalf("%+v, %v", contentType, err)
	}
	return contentType
}

// A client may send its body byte by byte: what has been examined is not examined again.
func TestSettlingExaminesNoLineTwice(t *testing.T) {
	for name, body := range hostileBeginnings() {
		for _, step := range []int{1, 3, 512} {
			contentType, calls, examined := settlable(t, manyBoundaries(maxBoundaries)), 0, 0
			for length := step; length < len(body); length += step {
				examined += length - contentType.settling.from
				calls++
				if contentType.Settle(body[:length], false) {
					t.Fatalf("%s, %d at a time: settled after %d bytes", name, step, length)
				}
			}
			const undecided = len("--000\r\n")
			if limit := len(body) + calls*undecided; examined > limit {
				t.Errorf("%s, %d at a time: %d bytes examined, want at most %d", name, step, examined, limit)
			}
		}
	}
}

func TestSettlingAllocatesOnce(t *testing.T) {
	for name, body := range hostileBeginnings() {
		allocations := func(body []byte) float64 {
			unsettled := settlable(t, manyBoundaries(maxBoundaries))
			return testing.AllocsPerRun(10, func() {
				contentType := unsettled
				contentType.Settle(body, false)
			})
		}
		if short, long := allocations(body[:16]), allocations(body); long > short {
			t.Errorf("%s: %v allocations, and %v for a few lines", name, long, short)
		}
	}
}

// However a client slices its body, no more of it is held than any preamble has.
func TestSettlingEndsWhereAPreambleMust(t *testing.T) {
	for name, line := range map[string]string{"dashes": "--\r\n", "empty lines": "\r\n", "near delimiters": "--00\r\n", "text": "hello\r\n", "one long line": "x"} {
		contentType, held := settlable(t, manyBoundaries(2)), 0
		for body := bytes.Repeat([]byte(line), 2*MaxPreambleSize); !contentType.Settle(body[:held], false); {
			held++
		}
		if limit := MaxPreambleSize + MaxBoundaryLength + len(crlf) + 1; held > limit || contentType.Boundary() != "000" {
			t.Errorf("%s: %q is settled after %d bytes, want at most %d", name, contentType.Boundary(), held, limit)
		}
	}
}

func TestContentTypeOfTooManyBoundariesIsRefused(t *testing.T) {
	pieces := MediaMultipart
	for i := range maxBoundaryParameters {
		pieces += fmt.Sprintf("; boundary=%03x", i) + strings.Repeat(fmt.Sprintf(";%03x", i), maxBoundaryParameters-1)
	}
	for name, test := range map[string]struct {
		header string
		want   error
	}{
		"as many as may be":                {manyBoundaries(maxBoundaries), nil},
		"one more":                         {manyBoundaries(maxBoundaries + 1), ErrInvalidBoundary},
		"the same ones again":              {manyBoundaries(maxBoundaries) + strings.TrimPrefix(manyBoundaries(maxBoundaries), MediaMultipart), nil},
		"pieces":                           {MediaMultipart + "; boundary=a" + strings.Repeat(";b", maxBoundaries-1), nil},
		"one more piece":                   {MediaMultipart + "; boundary=a" + strings.Repeat(";b", maxBoundaries), ErrInvalidBoundary},
		"parameters and pieces":            {pieces, ErrInvalidBoundary},
		"three headers, joined":            {MediaMultipart + "; boundary=a, " + MediaMultipart + "; boundary=b, " + MediaMultipart + "; boundary=c", nil},
		"others that no boundary may have": {MediaMultipart + "; boundary=a" + strings.Repeat("; boundary=ü", maxBoundaryParameters), nil},
	} {
		if _, err := ParseContentType([]string{test.header}); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

// BenchmarkSettle settles the boundary by beginnings of a body that settle nothing, as a
// client sends them: all at once, or a few bytes at a time.
func BenchmarkSettle(b *testing.B) {
	unsettled := settlable(b, manyBoundaries(maxBoundaries))
	for name, body := range hostileBeginnings() {
		for _, step := range []int{4, 512, len(body)} {
			b.Run(fmt.Sprintf("%s/step=%d", strings.ReplaceAll(name, " ", "-"), step), func(b *testing.B) {
				b.SetBytes(int64(len(body)))
				b.ReportAllocs()
				for b.Loop() {
					contentType := unsettled
					for length := step; length <= len(body); length += step {
						contentType.Settle(body[:length], false)
					}
				}
			})
		}
	}
}

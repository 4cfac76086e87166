// SPDX-License-Identifier: Apache-2.0

package form

import (
	"errors"
	"strings"
	"testing"
)

func TestScan(t *testing.T) {
	const delimiter = "\r\n--bound"
	tests := map[string]struct {
		data  string
		index int
		found verdict
	}{
		"nothing":                  {"", 0, no},
		"plain data":               {"abc", 3, no},
		"at the beginning":         {"--bound--", 0, yes},
		"after a line end":         {"abc\r\n--bound", 5, yes},
		"within a line":            {"abc--bound", 3, yes},
		"more dashes before":       {"\r\n----bound", 4, yes},
		"the first of two":         {"--bound\r\n--bound", 0, yes},
		"ends with CR":             {"abc\r", 3, needMore},
		"ends with CRLF":           {"abc\r\n", 3, needMore},
		"ends with a part of it":   {"abc\r\n--bou", 3, needMore},
		"ends with dashes":         {"abc--", 3, needMore},
		"ends with one dash":       {"abc\r\n---", 6, needMore},
		"CR before CRLF":           {"abc\r\r\n", 4, needMore},
		"ends with LF":             {"abc\n", 4, no},
		"damaged at its end":       {"\r\n--bounx", 9, no},
		"damaged, then a new one":  {"\r\n--boun\r\n--boun", 8, needMore},
		"another case":             {"\r\n--BOUND", 9, no},
		"the rest after a restart": {"--bounb--b", 7, needMore},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			index, found := scan([]byte(test.data), []byte(delimiter))
			if index != test.index || found != test.found {
				t.Errorf("got %d, %d; want %d, %d", index, found, test.index, test.found)
			}
		})
	}
}

// Whatever scan lets pass cannot be the beginning of a boundary that the next
// data completes.
func TestScanHoldsEveryBeginning(t *testing.T) {
	const delimiter = "\r\n--b-\r-b"
	for cut := 1; cut < len(delimiter); cut++ {
		for _, before := range []string{"", "x", "\r", "\r\n", "-", "--", "\r\n--b"} {
			data := before + delimiter[:cut]
			index, found := scan([]byte(data), []byte(delimiter))
			if found != needMore || index > len(before) {
				t.Errorf("%q: got %d, %d", data, index, found)
			}
		}
	}
}

func TestScanEnding(t *testing.T) {
	tests := map[string]struct{ more, atEOF ending }{
		"":          {endingUnknown, endingOpen},
		"\r":        {endingUnknown, endingOpen},
		"\n":        {endingUnknown, endingOpen},
		"\r\n":      {endingUnknown, endingOpen},
		"-":         {endingUnknown, endingNone},
		"\r\nabc":   {endingNext, endingNext},
		"--":        {endingClose, endingClose},
		"--\r\n":    {endingClose, endingClose},
		"--x":       {endingClose, endingClose},
		" ":         {endingNone, endingNone},
		"a":         {endingNone, endingNone},
		"-a":        {endingNone, endingNone},
		"\r\r":      {endingUnknown, endingOpen},
		"\n\n":      {endingUnknown, endingOpen},
		"\r\n\r\n":  {endingNext, endingNext},
		"\nabc":     {endingNone, endingNone},
		" \r\nabc":  {endingNone, endingNone},
		"\r\n--abc": {endingNext, endingNext},
	}
	for data, want := range tests {
		if got := scanEnding([]byte(data), false); got != want.more {
			t.Errorf("%q, and more to come: got %d, want %d", data, got, want.more)
		}
		if got := scanEnding([]byte(data), true); got != want.atEOF {
			t.Errorf("%q at the end: got %d, want %d", data, got, want.atEOF)
		}
	}
}

func TestEditorTakesTheLongestHeaderHoweverItIsSliced(t *testing.T) {
	for extra, want := range map[int]error{0: nil, 1: ErrHeaderTooLarge} {
		const disposition = "Content-Disposition: form-data; name=a\r\nX: "
		header := disposition + strings.Repeat("y", MaxPartHeaderSize-len(disposition)+extra)
		in := "--" + testBoundary + "\r\n" + header + "\r\n\r\nabc\r\n--" + testBoundary + "--\r\n"
		for slicing, source := range slicings(in) {
			if _, err := readEdited(source, testEdit(testBoundary, nil)); !errors.Is(err, want) {
				t.Errorf("%d more, %s: %v", extra, slicing, err)
			}
		}
	}
}

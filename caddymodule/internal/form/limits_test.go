// SPDX-License-Identifier: Apache-2.0

package form

import (
	"errors"
	"strings"
	"testing"
)

// docs/memory.md and docs/requests.md state these.
func TestTheLimitsAreThoseOfTheDocuments(t *testing.T) {
	for name, limit := range map[string]struct{ is, want int }{
		"boundary": {MaxBoundaryLength, 200}, "header": {MaxPartHeaderSize, 32768}, "preamble": {MaxPreambleSize, 32768},
		"epilogue": {MaxEpilogueSize, 65536}, "public key": {MaxWatchedValueSize, 256}, "memory": {MaxMemory, 229376},
		"behind a doubtful delimiter": {doubtfulSize, 16384}, "of a part without a header": {unheadedSize, 8192},
		"file names": {maxFileNames, 32}, "file name": {maxFileName, 4096}, "keys of file names": {maxFileNameKeys, 16},
		"parameter's name": {maxParamName, 512}, "boundary parameters": {maxBoundaryParameters, 16}, "boundaries": {maxBoundaries, 8}, "encoded words": {maxEncodedWords, 1024},
		"key": {maxKeySize, 64}, "prefix": {maxPrefixSize, 64}, "charset": {maxCharsetSize, 1024},
	} {
		if limit.is != limit.want {
			t.Errorf("%s: %d, want %d", name, limit.is, limit.want)
		}
	}
}

// What has exactly the size of a limit is taken, and one byte more is not.
func TestTheLimitsAreExact(t *testing.T) {
	plain := body(field("a", "b"))
	header := func(size int) string {
		const beginning = "Content-Disposition: form-data; name=\"a\"\r\nX-Y: "
		return body(beginning + strings.Repeat("y", size-len(beginning)) + "\r\n\r\nabc")
	}
	key := func(size int) string { return body(field("pub_key", strings.Repeat("k", size))) }
	for name, test := range map[string]struct {
		takes, refuses string
		want           error
	}{
		"preamble":   {strings.Repeat("x", MaxPreambleSize-2) + "\r\n" + plain, strings.Repeat("x", MaxPreambleSize-1) + "\r\n" + plain, ErrPreambleTooLarge},
		"epilogue":   {plain[:len(plain)-2] + strings.Repeat("x", MaxEpilogueSize), plain[:len(plain)-2] + strings.Repeat("x", MaxEpilogueSize+1), ErrEpilogueTooLarge},
		"header":     {header(MaxPartHeaderSize), header(MaxPartHeaderSize + 1), ErrHeaderTooLarge},
		"public key": {key(MaxWatchedValueSize), key(MaxWatchedValueSize + 1), ErrValueTooLong},
	} {
		edit := testEdit(testBoundary, nil)
		if _, err := readEdited(strings.NewReader(test.takes), edit); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := readEdited(strings.NewReader(test.refuses), edit); !errors.Is(err, test.want) {
			t.Errorf("%s: one byte more: %v", name, err)
		}
	}
}

// A body without a delimiter settles the boundary once it is longer than any preamble.
func TestALongPreambleSettlesTheBoundary(t *testing.T) {
	contentType, err := ParseContentType([]string{"multipart/form-data; boundary=a;b"})
	if err != nil || contentType.Settled() {
		t.Fatalf("%+v, %v", contentType, err)
	}
	long := []byte(strings.Repeat("x", MaxPreambleSize+MaxBoundaryLength+1))
	if contentType.Settle(long[1:], false) || !contentType.Settle(long, false) || !contentType.Settled() {
		t.Errorf("%+v", contentType)
	}
}

// A client may send its body byte by byte: what has been searched is not searched again.
func TestTheBeginningOfAFormIsSearchedOnce(t *testing.T) {
	for beginning, state := range map[string]state{
		strings.Repeat("x--a", 2000) + "\r\n--":  inPreamble,
		"--a\r\nX: " + strings.Repeat("y", 5000): inHeader,
	} {
		e, b := NewEditor(nil, testEdit("a", nil)), []byte(beginning)
		decided, last := 0, 0
		for end := range b {
			n, err := e.advance(b[decided:end+1], false)
			if err != nil {
				t.Fatal(err)
			}
			decided += n
			if end > 10 && (e.state != state || decided+e.searched < end-8 || decided+e.searched < last) {
				t.Fatalf("%.10q: state %d, %d of %d bytes have been searched, %d before", beginning, e.state, decided+e.searched, end, last)
			}
			last = decided + e.searched
		}
	}
}

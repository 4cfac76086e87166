// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"fmt"
)

// content finds the delimiter that ends a part's content.
func (e *Editor) content(b []byte, atEOF bool) (n int, more bool, err error) {
	for from := 0; ; {
		index, found := e.scan(b[from:])
		index += from
		if found != yes {
			if atEOF {
				return 0, false, ErrUnexpectedEnd
			}
			return index, true, e.pass(b[:index])
		}
		// A CRLF before the boundary would still be here, for it may begin a
		// delimiter. The one that ends a part's header does not count: servers
		// disagree on it.
		start := index - len(crlf)
		ending := endingNone
		if start >= 0 && bytes.HasPrefix(b[start:], crlf) {
			ending = e.endingAt(b[index:], atEOF)
		} else {
			start = index
		}
		switch {
		case ending == endingUnknown:
			return start, true, e.pass(b[:start])
		case ending != endingNone:
			if err := e.pass(b[:start]); err != nil {
				return 0, false, err
			}
			return e.delimit(b, start, index, ending)
		}
		switch e.lookBehind(b, index, atEOF) {
		case needMore:
			return start, true, e.pass(b[:start])
		case yes:
			return 0, false, fmt.Errorf("%w: some servers may read a part behind it", ErrAmbiguousDelimiter)
		case no:
			from = index + 1
		}
	}
}

// endingAt tells how the delimiter at the beginning of b ends, whose probe was
// found.
func (e *Editor) endingAt(b []byte, atEOF bool) ending {
	boundary := e.dashBoundary()
	switch {
	case bytes.HasPrefix(b, boundary):
		return scanEnding(b[len(boundary):], atEOF)
	case !atEOF && bytes.HasPrefix(boundary, b):
		return endingUnknown
	}
	return endingNone
}

// doubtfulSize is how much is looked at behind a doubtful delimiter, in bytes:
// servers do not read larger headers.
const doubtfulSize = 16 << 10

// lookBehind reports whether a protected name stands in what some servers take
// for the header of a part: behind a boundary, or what they make of it, that is
// no proper delimiter. To most, it is content.
//
// A sender could have many of them in a form, so no byte is looked at more than
// twice.
func (e *Editor) lookBehind(b []byte, index int, atEOF bool) verdict {
	if e.at+int64(index) < e.cleared {
		return no
	}
	behind := b[index+len(e.dashProbe()):]
	whole := atEOF || len(behind) >= doubtfulSize
	if !whole && len(behind) < e.doubtful {
		return needMore
	}
	e.doubtful = 2 * len(behind) // or a client that sends byte by byte has it looked at for each
	behind = behind[:min(len(behind), doubtfulSize)]
	if end := bytes.Index(behind, e.delimiter); end >= 0 { // there, all begin another part
		behind, whole = behind[:end], true
	}
	clears := len(behind) / 2
	if end := headerEnd(behind); end >= 0 {
		behind, clears, whole = behind[:end], end, true
	}
	switch {
	case !whole:
		return needMore
	case e.edit.hides(behind):
		return yes
	case e.part == partStale && (indexFoldASCII(behind, "content-") >= 0 || e.endingAt(b[index:], atEOF) != endingNone):
		return yes // what is a part to some servers would be crossed out with a stale field
	}
	e.cleared, e.doubtful = e.at+int64(index+clears), 0
	return no
}

// headerEnd returns where the header that b begins with ends, or -1: servers
// also take LF for a line end.
func headerEnd(b []byte) int {
	trimmed := bytes.TrimLeft(b, "\r\n")
	end := bytes.Index(trimmed, []byte("\n\n"))
	if i := bytes.Index(trimmed, crlfCRLF); i >= 0 && (end < 0 || i < end) {
		end = i
	}
	if end < 0 {
		return -1
	}
	return len(b) - len(trimmed) + end
}

// pass deals with the next bytes of a part's content.
func (e *Editor) pass(content []byte) error {
	switch e.part {
	case partKept:
	case partStale:
		crossOut(content)
	case partWatched:
		if len(e.value)+len(content) > MaxWatchedValueSize {
			return ErrValueTooLong
		}
		e.value = append(e.value, content...)
	case partNested:
		if e.nested.next(content, e.hidesIn) {
			return errDoubtful
		}
	case partParams:
		if e.params.next(content, e.edit.resembles) {
			return errDoubtful
		}
	case partUnheaded:
		room := min(len(content), unheadedSize-len(e.value))
		e.value = append(e.value, content[:room]...)
	}
	return nil
}

// unheadedSize is how much is looked at of a part without a header, in bytes.
const unheadedSize = 8 << 10

// endPart deals with the end of a part.
func (e *Editor) endPart() error {
	switch kind := e.part; kind {
	case partWatched:
		if e.quoted && bytes.IndexByte(e.value, '=') >= 0 {
			return errEncoded
		}
		return e.edit.Watch(string(e.value))
	case partUnheaded:
		if e.edit.mentions(e.value) {
			return errDoubtful
		}
	case partNested:
		if e.nested.end(e.hidesIn) {
			return errDoubtful
		}
	case partParams:
		if e.params.end(e.edit.resembles) {
			return errDoubtful
		}
	case partKept, partStale:
	}
	return nil
}

// scan is scan for the probe, faster if there is much data.
func (e *Editor) scan(b []byte) (index int, found verdict) {
	if len(b) < searchSize {
		return scan(b, e.probe)
	}
	if e.search.pattern == nil {
		e.search.prepare(e.dashProbe())
	}
	return judge(b, e.probe, e.search.index(b))
}

func crossOut(b []byte) {
	for crossed := copy(b, crosses); crossed < len(b); {
		crossed += copy(b[crossed:], b[:crossed])
	}
}

// crossedOut is what the bytes of a stale field become.
const crossedOut = 'x'

var crosses = bytes.Repeat([]byte{crossedOut}, 64)

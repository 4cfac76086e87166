// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"fmt"
)

// content passes a part's content on, up to the delimiter that ends it.
func (e *Editor) content(b []byte, atEOF bool) (n int, more bool, err error) {
	for from := 0; ; {
		index, found := e.scan(b[from:])
		index += from
		if found != yes {
			if atEOF {
				return 0, false, ErrUnexpectedEnd
			}
			return e.passed(b, index)
		}
		// A CRLF before the boundary is still in b, since scan leaves what may begin a
		// delimiter. The CRLF that ends a part's header cannot be that of a delimiter:
		// servers disagree on it.
		start := index - len(crlf)
		ending := endingNone
		if start >= 0 && bytes.HasPrefix(b[start:], crlf) {
			ending = e.endingAt(b[index:], atEOF)
		} else {
			start = index
		}
		switch {
		case ending == endingUnknown:
			return e.passed(b, start)
		case ending != endingNone:
			if err := e.pass(b[:start]); err != nil {
				return 0, false, err
			}
			return e.delimit(b, start, index, ending)
		}
		switch more, err := e.inspectBehind(b, index, atEOF); {
		case err != nil:
			return 0, false, err
		case more:
			return e.passed(b, start)
		}
		from = index + 1
	}
}

// endingAt returns the ending of the delimiter at the beginning of b, where the probe
// was found. The probe may be shorter than the boundary.
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

// errPartBehind is made once, so that a hostile form costs no formatting.
var errPartBehind = fmt.Errorf("%w: some servers may read a part behind it", ErrAmbiguousDelimiter)

// doubtfulSize is how many bytes behind a doubtful delimiter are examined. Few servers
// accept larger headers.
const doubtfulSize = 16 << 10

// inspectBehind examines what follows a boundary that is no proper delimiter. Most
// servers take it for content, and some for the header of a part. It fails if a
// protected name stands there, and reports whether it needs more to know that.
//
// A sender could put such boundaries everywhere in a form. No byte is examined more
// than twice, so that the time stays proportional to the form's length.
func (e *Editor) inspectBehind(b []byte, index int, atEOF bool) (more bool, err error) {
	if e.at+int64(index) < e.cleared {
		return false, nil
	}
	behind := b[index+len(e.dashProbe()):]
	whole := atEOF || len(behind) >= doubtfulSize
	if !whole && len(behind) < e.doubtful {
		return true, nil
	}
	e.doubtful = 2 * len(behind) // or a client that sends single bytes would have it examined for each
	behind = behind[:min(len(behind), doubtfulSize)]
	if end := bytes.Index(behind, e.delimiter); end >= 0 { // there, all servers begin another part
		behind, whole = behind[:end], true
	}
	clears := len(behind) / 2
	if end := headerEnd(behind); end >= 0 {
		behind, clears, whole = behind[:end], end, true
	}
	switch {
	case !whole:
		return true, nil
	case e.edit.hides(behind):
		return false, errPartBehind
	case e.part == partStale && (indexFoldASCII(behind, "content-") >= 0 || e.endingAt(b[index:], atEOF) != endingNone):
		return false, errPartBehind // a part, to some servers, would be crossed out with the stale field
	}
	e.cleared, e.doubtful = e.at+int64(index+clears), 0
	return false, e.reportPart(behind)
}

// headerEnd returns the index at which the header that b begins with ends, or -1. Some
// servers accept a bare LF as a line end, so the first end by either rule counts.
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

// passed passes the first n bytes of b on, and waits for more. What is an error is not
// passed on.
func (e *Editor) passed(b []byte, n int) (decided int, more bool, err error) {
	if err := e.pass(b[:n]); err != nil {
		return 0, false, err
	}
	return n, true, nil
}

// pass processes the next bytes of a part's content, which may come in any pieces.
func (e *Editor) pass(content []byte) error {
	switch e.part {
	case partUnchanged:
	case partStale:
		crossOut(content)
	case partWatched:
		if len(e.value)+len(content) > e.maxValueSize() {
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
	if e.observing && len(content) > 0 {
		return e.edit.Observer.Content(content)
	}
	return nil
}

func (e *Editor) maxValueSize() int {
	if e.edit.MaxValueSize > 0 {
		return e.edit.MaxValueSize
	}
	return MaxWatchedValueSize
}

// unheadedSize is how many bytes of a part without a header are examined.
const unheadedSize = 8 << 10

// endPart processes the end of a part.
func (e *Editor) endPart() error {
	switch kind := e.part; kind {
	case partWatched:
		if e.quoted && bytes.IndexByte(e.value, '=') >= 0 {
			return errEncoded
		}
		return e.edit.Watch(e.watched, string(e.value))
	case partUnheaded:
		if e.edit.mentions(e.value) {
			return errDoubtful
		}
		return e.reportUnheaded()
	case partNested:
		if e.nested.end(e.hidesIn) {
			return errDoubtful
		}
	case partParams:
		if e.params.end(e.edit.resembles) {
			return errDoubtful
		}
	case partUnchanged, partStale:
	}
	return nil
}

// reportUnheaded tells the observer of a part without a header in which some servers may
// read one: they skip the empty lines before it.
func (e *Editor) reportUnheaded() error {
	if !e.observing {
		return nil
	}
	header := e.value
	if end := headerEnd(header); end >= 0 {
		header = header[:end]
	} else if len(header) == unheadedSize { // it may be longer
		return e.edit.Observer.Ambiguous()
	}
	return e.reportPart(header)
}

// scan searches b for the probe as scan does, and faster if b is large.
func (e *Editor) scan(b []byte) (index int, found verdict) {
	if len(b) < searchSize {
		return scan(b, e.probe)
	}
	if e.search.pattern == nil {
		e.search.prepare(e.dashProbe())
	}
	return judge(b, e.probe, e.search.index(b))
}

// crossOut overwrites b. Its length stays, as Content-Length has been promised.
func crossOut(b []byte) {
	for crossed := copy(b, crosses); crossed < len(b); {
		crossed += copy(b[crossed:], b[:crossed])
	}
}

// crossedOut replaces each byte of a stale field. It can stand in any text, and a name
// of such letters means nothing to the service.
const crossedOut = 'x'

var crosses = bytes.Repeat([]byte{crossedOut}, 64)

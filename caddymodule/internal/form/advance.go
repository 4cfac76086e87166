// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"fmt"
)

// state is where in the form the undecided bytes begin.
type state int

const (
	inPreamble state = iota // at the beginning of the body
	inHeader                // after a delimiter that begins a part
	inContent               // within a part's content
	inClosing               // at the "--" of the closing delimiter
)

// advance edits b in place as far as it can be decided, and returns how far that is.
// The rest of b is given to it again, with more data behind it.
func (e *Editor) advance(b []byte, atEOF bool) (decided int, err error) {
	for {
		var n int
		var more bool
		switch e.state {
		case inPreamble:
			n, more, err = e.preamble(b[decided:], atEOF)
		case inHeader:
			n, more, err = e.header(b[decided:], atEOF)
		case inContent:
			n, more, err = e.content(b[decided:], atEOF)
		case inClosing:
			n, more, err = e.closing(b[decided:], atEOF)
		}
		decided += n
		e.at += int64(n)
		if err != nil || more {
			return decided, err
		}
	}
}

// preamble finds the first delimiter. Until then all of b stays undecided. A boundary
// in the middle of a line is skipped, as most servers do, and not searched for again.
func (e *Editor) preamble(b []byte, atEOF bool) (n int, more bool, err error) {
	for {
		index, found := scan(b[e.searched:], e.delimiter)
		index += e.searched
		e.searched = index
		switch {
		case index > MaxPreambleSize:
			return 0, false, ErrPreambleTooLarge
		case found != yes && atEOF:
			return 0, false, ErrUnexpectedEnd
		case found != yes:
			return 0, true, nil
		}
		ending := scanEnding(b[index+len(e.dashBoundary()):], atEOF)
		switch onLine := index == 0 || b[index-1] == '\n'; {
		case ending == endingUnknown:
			return 0, true, nil
		case !onLine:
			e.searched = index + 1
		case ending == endingNone: // some servers begin here, and most lose the part that follows
			return 0, false, ErrAmbiguousDelimiter
		case e.hidesIn(b[:index]):
			return 0, false, fmt.Errorf("%w: a part before the first one", ErrAmbiguousDelimiter)
		default:
			if err := e.reportPart(b[:index]); err != nil {
				return 0, false, err
			}
			return e.delimit(b, 0, index, ending)
		}
	}
}

// header reads the header of a part and decides what becomes of the part. It waits
// until the header is complete: names may stand in any of its lines.
func (e *Editor) header(b []byte, atEOF bool) (n int, more bool, err error) {
	e.state, e.part = inContent, partUnchanged
	switch boundary := e.dashBoundary(); {
	case bytes.HasPrefix(b, crlf):
		e.part, e.value = partUnheaded, e.value[:0]
		if e.edit.Observer != nil {
			err = e.observe(&part{}, nil)
		}
		if err != nil {
			return 0, false, err
		}
		return len(crlf), false, nil
	case bytes.HasPrefix(b, boundary): // one delimiter after another: an empty part
		switch ending := scanEnding(b[len(boundary):], atEOF); ending {
		case endingUnknown:
			e.state = inHeader
			return 0, true, nil
		case endingNext, endingClose, endingOpen:
			return e.delimit(b, 0, 0, ending)
		case endingNone:
		}
	}
	end := bytes.Index(b[e.searched:], crlfCRLF)
	if end >= 0 {
		end += e.searched
	}
	switch {
	case end > MaxPartHeaderSize, end < 0 && len(b) >= MaxPartHeaderSize+len(crlfCRLF):
		return 0, false, ErrHeaderTooLarge
	case end < 0 && atEOF:
		return 0, false, ErrUnexpectedEnd
	case end < 0:
		e.state, e.searched = inHeader, max(0, len(b)-len(crlfCRLF)+1)
		return 0, true, nil
	case e.beginsLine(b[:end]):
		return 0, false, ErrAmbiguousDelimiter
	}
	params := e.params
	if e.part, err = e.classify(b[:end]); err != nil {
		return 0, false, err
	}
	if params != nil && params.next(b[:end+len(crlfCRLF)], e.edit.resembles) { // with a stale field's name crossed out
		return 0, false, errDoubtful
	}
	switch e.part {
	case partWatched, partStale:
		e.value = e.value[:0]
	case partUnchanged, partUnheaded:
	}
	return end + len(crlfCRLF), false, nil
}

// beginsLine reports whether a line of a header begins with the boundary: some servers
// take that for a delimiter, and lose the part.
func (e *Editor) beginsLine(header []byte) bool {
	return bytes.HasPrefix(header, e.dashBoundary()) || bytes.Contains(header, e.delimiter)
}

// delimit ends the current part at a delimiter with the given ending. The delimiter's
// line end begins at start, its boundary at index.
func (e *Editor) delimit(b []byte, start, index int, ending ending) (n int, more bool, err error) {
	if err := e.endPart(); err != nil {
		return 0, false, err
	}
	if e.observing {
		e.observing = false
		if err := e.edit.Observer.End(); err != nil {
			return 0, false, err
		}
	}
	end := index + len(e.dashBoundary())
	e.searched = 0
	switch ending {
	case endingNext:
		if err := e.passParams(b[start : end+endingLength]); err != nil {
			return 0, false, err
		}
		e.state = inHeader
		return end + endingLength, false, nil
	case endingOpen:
		if err := e.endParams(b[start:end]); err != nil {
			return 0, false, err
		}
		return e.complete(b, start, end)
	case endingClose, endingNone, endingUnknown: // callers exclude the last two
	}
	e.state = inClosing
	return index, false, nil
}

// dashBoundary returns "--" + boundary, RFC 2046's dash-boundary.
func (e *Editor) dashBoundary() []byte { return e.delimiter[len(crlf):] }

// dashProbe returns the part of it that every server reads.
func (e *Editor) dashProbe() []byte { return e.probe[len(crlf):] }

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

// partKind is what becomes of a part's content.
type partKind int

const (
	partKept partKind = iota
	partStale
	partWatched
)

// crossedOut is what the bytes of a stale field become.
const crossedOut = 'x'

// advance edits b in place as far as it can be decided, and returns how far
// that is.
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
		if err != nil || more {
			return decided, err
		}
	}
}

// preamble finds the first delimiter. Until then all of b stays undecided.
func (e *Editor) preamble(b []byte, atEOF bool) (n int, more bool, err error) {
	index, found := scan(b, e.delimiter)
	switch {
	case index > MaxPreambleSize:
		return 0, false, ErrPreambleTooLarge
	case found != yes && atEOF:
		return 0, false, ErrUnexpectedEnd
	case found != yes:
		return 0, true, nil
	case index > 0 && !bytes.HasSuffix(b[:index], crlf):
		return 0, false, ErrAmbiguousDelimiter
	case holdsDisposition(b[:index]):
		return 0, false, fmt.Errorf("%w: a part before the first one", ErrAmbiguousDelimiter)
	}
	return e.boundary(b, 0, index, atEOF)
}

// header reads the header of a part and decides what becomes of the part.
func (e *Editor) header(b []byte, atEOF bool) (n int, more bool, err error) {
	end := bytes.Index(b, crlfCRLF)
	switch {
	case bytes.HasPrefix(b, crlf):
		return 0, false, fmt.Errorf("%w: it is empty", ErrMalformedHeader)
	case end > MaxPartHeaderSize, end < 0 && len(b) >= MaxPartHeaderSize+len(crlfCRLF):
		return 0, false, ErrHeaderTooLarge
	case end < 0 && atEOF:
		return 0, false, ErrUnexpectedEnd
	case end < 0:
		return 0, true, nil
	case bytes.Contains(b[:end], e.dashBoundary()):
		return 0, false, ErrAmbiguousDelimiter
	}
	part, err := parseHeader(b[:end])
	if err != nil {
		return 0, false, err
	}
	e.part = partKept
	switch {
	case part.file:
	case e.edit.Stale.has(part.name):
		e.part = partStale
		crossOut(part.name)
	default:
		if name, watched := e.edit.Watched.find(part.name); watched {
			if part.encoded {
				return 0, false, fmt.Errorf("%w: %s has a transfer encoding", ErrMalformedHeader, name)
			}
			e.part, e.name, e.value = partWatched, name, e.value[:0]
		}
	}
	e.state = inContent
	return end + len(crlfCRLF), false, part.checkName(e.edit.Stale)
}

// content finds the delimiter that ends a part's content.
func (e *Editor) content(b []byte, atEOF bool) (n int, more bool, err error) {
	index, found := e.scan(b)
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
	if start < 0 || !bytes.HasPrefix(b[start:], crlf) {
		return 0, false, ErrAmbiguousDelimiter
	}
	if err := e.pass(b[:start]); err != nil {
		return 0, false, err
	}
	return e.boundary(b, start, index, atEOF)
}

// boundary tells what follows the boundary at index. If that cannot be told
// yet, what stands before start is decided.
func (e *Editor) boundary(b []byte, start, index int, atEOF bool) (n int, more bool, err error) {
	end := index + len(e.dashBoundary())
	switch scanEnding(b[end:]) {
	case endingUnknown:
		if atEOF {
			return 0, false, ErrUnexpectedEnd
		}
		return start, true, nil
	case endingNext:
		e.state, n = inHeader, end+endingLength
	case endingClose:
		e.state, n = inClosing, index
	case endingAmbiguous:
		return 0, false, ErrAmbiguousDelimiter
	}
	if e.part == partWatched {
		if err := e.edit.Watch(e.name, string(e.value)); err != nil {
			return 0, false, err
		}
	}
	return n, false, nil
}

// pass deals with the next bytes of a part's content.
func (e *Editor) pass(content []byte) error {
	switch e.part {
	case partKept:
	case partStale:
		crossOut(content)
	case partWatched:
		if len(e.value)+len(content) > MaxWatchedValueSize {
			return fmt.Errorf("%w: %s", ErrValueTooLong, e.name)
		}
		e.value = append(e.value, content...)
	}
	return nil
}

// closing holds the closing delimiter and the epilogue until the body has
// ended, and puts the fresh fields before them.
func (e *Editor) closing(b []byte, atEOF bool) (n int, more bool, err error) {
	after := b[len(e.dashBoundary())+endingLength:]
	epilogue := after[:min(len(after), MaxEpilogueSize)]
	switch {
	case !bytes.HasPrefix(epilogue, crlf[:min(len(epilogue), len(crlf))]), atEOF && len(epilogue) == 1:
		return 0, false, ErrAmbiguousDelimiter
	case bytes.Contains(epilogue, e.dashBoundary()), holdsDisposition(epilogue):
		return 0, false, fmt.Errorf("%w: a part after the last one", ErrAmbiguousDelimiter)
	case len(after) > MaxEpilogueSize:
		return 0, false, ErrEpilogueTooLarge
	case !atEOF:
		return 0, true, nil
	case e.closed.Load():
		return 0, false, ErrClosed
	}
	fields, err := e.edit.Fresh()
	if err != nil {
		return 0, false, err
	}
	ready := e.readyInit[:0]
	if size := e.edit.FreshLength + len(b); size > cap(ready) {
		ready = make([]byte, 0, size)
	}
	for _, field := range fields {
		ready = appendField(ready, e.dashBoundary(), field)
	}
	if len(ready) != e.edit.FreshLength {
		return 0, false, ErrLengthMismatch
	}
	ready = append(ready, b...)
	e.ready = ready
	return 0, true, nil
}

func (e *Editor) dashBoundary() []byte { return e.delimiter[len(crlf):] }

// scan is scan, faster if there is much data.
func (e *Editor) scan(b []byte) (index int, found verdict) {
	if len(b) < searchSize {
		return scan(b, e.delimiter)
	}
	if e.search.pattern == nil {
		e.search.prepare(e.dashBoundary())
	}
	return judge(b, e.delimiter, e.search.index(b))
}

func crossOut(b []byte) {
	for crossed := copy(b, crosses); crossed < len(b); {
		crossed += copy(b[crossed:], b[:crossed])
	}
}

var crosses = bytes.Repeat([]byte{crossedOut}, 64)

// holdsDisposition reports whether b could be read as a part by a server that
// reads parts outside of the delimiters.
func holdsDisposition(b []byte) bool {
	const name = "content-disposition"
	return len(b) >= len(name) && bytes.Contains(bytes.ToLower(b), []byte(name))
}

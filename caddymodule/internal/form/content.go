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

// doubtfulSize is how many bytes behind a doubtful delimiter are examined at once. Few
// servers accept larger headers; see rest.
const doubtfulSize = 16 << 10

// inspectBehind examines what follows a boundary that is no proper delimiter. Most
// servers take it for content, and some for the header of a part. It fails if a
// protected name stands there, and reports whether it needs more to know that.
//
// A sender could put such boundaries everywhere in a form. No byte is examined more
// than four times, so that the time stays proportional to the form's length.
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
	ends := len(behind) < doubtfulSize
	behind = behind[:min(len(behind), doubtfulSize)]
	if end := bytes.Index(behind, e.delimiter); end >= 0 { // there, all servers begin another part
		behind, whole, ends = behind[:end], true, true
	}
	clears := len(behind) / 2
	if end := headerEnd(behind); end >= 0 {
		behind, clears, whole, ends = behind[:end], end, true, true
	} else if last := bytes.LastIndex(behind, []byte("\n\n")); last >= 0 && len(bytes.Trim(behind[:last], "\r\n")) > 0 {
		// To servers that accept bare LF, a header that begins before it has ended, and those
		// that read on bound one.
		clears, ends = min(clears, last), true
	}
	switch {
	case !whole:
		return true, nil
	case e.hidesIn(behind), e.endsLine(behind) && (isURLEncoded(behind) || saysMultipart(behind)):
		return false, errPartBehind
	case e.part == partStale && (indexFoldASCII(behind, "content-") >= 0 || e.endingAt(b[index:], atEOF) != endingNone):
		return false, errPartBehind // a part, to some servers, would be crossed out with the stale field
	}
	e.cleared, e.doubtful = e.at+int64(index+clears), 0
	if !ends {
		return false, e.beginRest(b[:index], behind)
	}
	return false, e.reportPart(behind)
}

// endsLine reports whether nothing but blanks is left of the line behind a probe and what
// the boundary has beyond that. To Python's cgi, such a line is a delimiter, and a part
// behind it may take all that follows for its own form.
func (e *Editor) endsLine(behind []byte) bool {
	line, _, ended := bytes.Cut(bytes.TrimPrefix(behind, e.dashBoundary()[len(e.dashProbe()):]), []byte("\n"))
	return ended && len(bytes.TrimSpace(line)) == 0
}

// emptyLine returns the index of the line end before the first empty line of any kind, or -1.
func emptyLine(b []byte) int {
	end := bytes.Index(b, []byte("\n\n"))
	if i := bytes.Index(b, crlfCRLF); i >= 0 && (end < 0 || i < end) {
		end = i
	}
	return end
}

// headerEnd returns the index at which the header that b begins with ends to all servers,
// or -1. Some take an empty line of bare LF for its end, and others, such as Django and
// CGI.pm, read on.
func headerEnd(b []byte) int {
	trimmed := bytes.TrimLeft(b, "\r\n")
	end := bytes.Index(trimmed, crlfCRLF)
	if end < 0 {
		return -1
	}
	return len(b) - len(trimmed) + end
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

// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"slices"
)

// settling is how far it has been found out which boundary is the form's. A client may
// send its body byte by byte, so no line is examined twice.
type settling struct {
	delimiters [][]byte // each with its dashes; longer ones first
	from       int      // what stands before it in the body is decided
	within     bool     // it is within a line that is no delimiter
}

// Settle decides which of several boundaries is the form's, by the beginning of its
// body: the one in the first line that is a delimiter by any of them. It reports false
// if more of the body is needed, and must then be given the same beginning with more
// behind it; final says that there is no more, and makes it decide in any case.
func (t *ContentType) Settle(beginning []byte, final bool) bool {
	if t.Settled() {
		return true
	}
	s := &t.settling
	if s.delimiters == nil {
		s.delimiters = delimitersOf(append([]string{t.boundary}, t.others...))
	}
	// The editor takes no delimiter that begins later.
	for s.nextLine(beginning) && s.from <= MaxPreambleSize {
		delimiter, known := s.delimiterAt(beginning[s.from:], final)
		switch {
		case !known:
			return false
		case delimiter != nil:
			t.settleOn(delimiter)
			return true
		}
		s.within = true
	}
	if final && s.within {
		t.settleOn(s.delimiterAtEnd(beginning))
	}
	if final || !s.within || len(beginning) > MaxPreambleSize+MaxBoundaryLength {
		t.settleOn(nil)
		return true
	}
	return false
}

// settleOn takes the boundary of a delimiter. Without one, the likeliest stays.
func (t *ContentType) settleOn(delimiter []byte) {
	t.others = nil
	if delimiter != nil {
		t.boundary = string(delimiter[len(dashes):])
	}
}

// delimitersOf returns the delimiters of boundaries, longer ones first: a shorter one may
// be the beginning of a longer one.
func delimitersOf(boundaries []string) [][]byte {
	delimiters := make([][]byte, 0, len(boundaries))
	for _, boundary := range boundaries {
		delimiters = append(delimiters, []byte("--"+boundary))
	}
	slices.SortStableFunc(delimiters, func(a, b []byte) int { return len(b) - len(a) })
	return delimiters
}

// nextLine goes to the beginning of a line. It reports false if none is left.
func (s *settling) nextLine(beginning []byte) bool {
	if !s.within {
		return true
	}
	i := bytes.Index(beginning[s.from:], crlf)
	if i < 0 {
		s.from = max(s.from, len(beginning)-1) // the last byte may be half a line end
		return false
	}
	s.from, s.within = s.from+i+len(crlf), false
	return true
}

// delimiterAt returns the delimiter that a line is, or nil if it is none. It is not known
// if that depends on what follows.
func (s *settling) delimiterAt(line []byte, final bool) (delimiter []byte, known bool) {
	if len(line) >= len(dashes) && !bytes.HasPrefix(line, dashes) {
		return nil, true // nearly every line
	}
	for _, delimiter := range s.delimiters {
		rest, ok := bytes.CutPrefix(line, delimiter)
		switch {
		case !final && (bytes.HasPrefix(delimiter, line) || ok && len(rest) < endingLength):
			return nil, false
		case ok && (bytes.HasPrefix(rest, crlf) || bytes.HasPrefix(rest, dashes) || final && isLineEnds(rest)):
			return delimiter, true
		}
	}
	return nil, true
}

// delimiterAtEnd returns the delimiter that the body ends with, but for line ends of any
// kind, or nil. Its line may have been none while more of the body could follow.
func (s *settling) delimiterAtEnd(body []byte) []byte {
	last := bytes.TrimRight(body, "\r\n")
	if i := bytes.LastIndex(last, crlf); i >= 0 {
		last = last[i+len(crlf):]
	}
	for _, delimiter := range s.delimiters {
		if bytes.Equal(last, delimiter) {
			return delimiter
		}
	}
	return nil
}

// isLineEnds reports whether a text has nothing but line ends.
func isLineEnds(text []byte) bool {
	for _, c := range text {
		if c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

// SPDX-License-Identifier: Apache-2.0

package form

import "bytes"

// verdict is the result of a scan.
type verdict int

const (
	no       verdict = iota // it is not there
	needMore                // it may begin at the end of the data
	yes                     // it is there
)

// scan searches data for a delimiter, given CRLF + "--" + boundary, or the part of a
// boundary that every server reads.
//
//   - yes: "--" + boundary stands at index, complete, whatever precedes it.
//   - needMore: data[index:] may be the beginning of a delimiter.
//   - no: data contains no delimiter, and does not end with the beginning of one.
//
// It finds the boundary anywhere in a line, as some servers do. Whether it is a proper
// delimiter is for the caller to decide; RFC 2046 (section 5.1.1) forbids the boundary
// in a part's content.
func scan(data, delimiter []byte) (index int, found verdict) {
	return judge(data, delimiter, bytes.Index(data, delimiter[len(crlf):]))
}

// judge completes a scan, given the index that a search of data for "--" + boundary
// returned.
func judge(data, delimiter []byte, index int) (int, verdict) {
	if index >= 0 {
		return index, yes
	}
	dashBoundary := delimiter[len(crlf):]
	for index = max(0, len(data)-len(delimiter)+1); index < len(data); index++ {
		if c := data[index]; c != delimiter[0] && c != dashBoundary[0] {
			continue
		}
		tail := data[index:]
		if bytes.HasPrefix(delimiter, tail) || bytes.HasPrefix(dashBoundary, tail) {
			return index, needMore
		}
	}
	return len(data), no
}

// ending is what follows a boundary, which decides what it delimits.
type ending int

const (
	endingUnknown ending = iota // more data is needed
	endingNone                  // it is no delimiter, at least not to most servers
	endingNext                  // CRLF: another part follows
	endingClose                 // "--": the form ends
	endingOpen                  // the body ends: the closing delimiter lacks its "--"
)

// endingLength is the length of the endings of delimiters.
const endingLength = 2

// scanEnding returns the ending at the beginning of data. RFC 2046 allows blanks behind
// the boundary (transport-padding), but no client writes them, and servers disagree on
// them.
func scanEnding(data []byte, atEOF bool) ending {
	switch {
	case bytes.HasPrefix(data, dashes):
		return endingClose
	case len(data) > len(crlf) && bytes.HasPrefix(data, crlf):
		return endingNext
	case len(data) <= len(crlf) && len(bytes.Trim(data, "\r\n")) == 0: // nothing but a line end, or a piece of one
		if atEOF {
			return endingOpen
		}
		return endingUnknown
	case !atEOF && len(data) == 1 && data[0] == dashes[0]:
		return endingUnknown
	}
	return endingNone
}

var (
	crlf     = []byte("\r\n")
	crlfCRLF = []byte("\r\n\r\n")
	dashes   = []byte("--")
)

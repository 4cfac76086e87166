// SPDX-License-Identifier: Apache-2.0

package form

import "bytes"

// verdict is the response of a scan.
type verdict int

const (
	no       verdict = iota // it is not there
	needMore                // it may begin at the end of the data
	yes                     // it is there
)

// scan looks for a delimiter in data, given CRLF + "--" + boundary, or what some
// servers make of a boundary.
//
//   - yes: "--" + boundary stands at index, complete, whatever precedes it.
//   - needMore: what stands from index on may be the beginning of a delimiter.
//   - no: all of data is free of delimiters.
//
// It finds the boundary wherever it stands in a line: some servers do so too,
// and RFC 2046 (section 5.1.1) forbids it in a part's content, so whether what
// it found is a proper delimiter is for the caller to judge.
func scan(data, delimiter []byte) (index int, found verdict) {
	return judge(data, delimiter, bytes.Index(data, delimiter[len(crlf):]))
}

// judge makes a scan of a search for "--" + boundary in data, which returned
// index.
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

// ending is what follows a boundary and so tells what it delimits.
type ending int

const (
	endingUnknown ending = iota // there is not enough data to tell
	endingNone                  // it is no delimiter, at least not to most servers
	endingNext                  // CRLF: another part follows
	endingClose                 // "--": the form ends
	endingOpen                  // the body ends: the closing delimiter lacks its "--"
)

// endingLength is the length of the endings of delimiters.
const endingLength = 2

// scanEnding tells the ending at the beginning of data. RFC 2046 lets blanks
// follow the boundary, but no client puts them there and servers part over them.
func scanEnding(data []byte, atEOF bool) ending {
	switch {
	case bytes.HasPrefix(data, dashes):
		return endingClose
	case len(data) > len(crlf) && bytes.HasPrefix(data, crlf):
		return endingNext
	case len(data) <= len(crlf) && len(bytes.Trim(data, "\r\n")) == 0: // all that there is
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

// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"fmt"
)

// part is what the editor has to know of a part.
type part struct {
	name    []byte // within the header; nil when the part has none
	field   bool   // it has a name and is not a file
	encoded bool   // its content has a transfer encoding
}

// parseHeader reads the header of a part, without the empty line that ends it.
// It refuses whatever lets servers disagree on where a line ends, what the
// part is called or whether it is a file. stale and watched are the names that
// matter: only for them is an odd spelling an error.
func parseHeader(header []byte, names ...[]string) (part, error) {
	var result part
	var value []byte
	found, inDisposition := false, false
	for lines := 0; len(header) > 0; lines++ {
		if lines == MaxPartHeaderLines {
			return part{}, fmt.Errorf("%w: more than %d lines", ErrHeaderTooLarge, MaxPartHeaderLines)
		}
		line, rest, _ := bytes.Cut(header, crlf)
		if bytes.ContainsAny(line, "\r\n\x00") {
			return part{}, fmt.Errorf("%w: a control character", ErrMalformedHeader)
		}
		switch {
		case lines > 0 && len(line) > 0 && isBlank(line[0]): // folded
			if inDisposition {
				value = value[:len(value)+len(crlf)+len(line)]
			}
		default:
			name, lineValue, colon := bytes.Cut(line, colonSign)
			if !colon || !isToken(name) {
				return part{}, fmt.Errorf("%w: a line without a name", ErrMalformedHeader)
			}
			inDisposition = equalFoldASCII(name, "Content-Disposition")
			if inDisposition && found {
				return part{}, fmt.Errorf("%w: two Content-Disposition lines", ErrMalformedHeader)
			}
			if inDisposition {
				value, found = lineValue, true
			}
			if equalFoldASCII(name, "Content-Transfer-Encoding") {
				result.encoded = result.encoded || !isIdentity(lineValue)
			}
		}
		header = rest
	}
	d, err := parseDisposition(value)
	if err != nil || !d.named {
		return result, err
	}
	result.name = value[d.nameStart:d.nameEnd]
	result.field = !d.file
	return result, checkSpelling(result.name, d, names)
}

var (
	colonSign   = []byte(":")
	encodedWord = []byte("=?")
)

var identityEncodings = []string{"7bit", "8bit", "binary"}

// isIdentity reports whether a Content-Transfer-Encoding leaves the content as
// it is (RFC 2045, section 6.1).
func isIdentity(encoding []byte) bool {
	return matchesFold(encoding, identityEncodings)
}

// checkSpelling refuses a name that matters to the editor only in the eyes of
// some servers.
func checkSpelling(name []byte, d disposition, names [][]string) error {
	if d.plainFile() {
		return nil
	}
	escaped := bytes.IndexByte(name, '\\') >= 0
	for _, names := range names {
		switch {
		case escaped && matchesFold(bytes.ReplaceAll(name, []byte(`\`), nil), names):
			return fmt.Errorf("%w: an escaped name", ErrMalformedHeader)
		case d.extendedFile && matchesFold(name, names):
			return fmt.Errorf("%w: a file only by filename*", ErrMalformedHeader)
		}
	}
	if bytes.Contains(name, encodedWord) { // RFC 2047, which some decode
		return fmt.Errorf("%w: an encoded name", ErrMalformedHeader)
	}
	return nil
}

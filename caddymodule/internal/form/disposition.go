// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"fmt"
)

// disposition is what a Content-Disposition header says of its part.
type disposition struct {
	nameStart, nameEnd int  // the name's characters within the header's value
	named              bool // there is a name
	file               bool // there is a file name that is not empty
	extendedFile       bool // the only file name is RFC 5987's filename*
	keys               int  // how many of its parameters name something
}

// plainFile reports whether every server sees a file.
func (d disposition) plainFile() bool { return d.file && !d.extendedFile }

// parseDisposition reads the value of a Content-Disposition header (RFC 7578,
// section 4.2) as leniently as servers do. Browsers write a backslash as it
// is, others escape with it; where the two readings differ in what they make
// of the part, the value is malformed.
func parseDisposition(value []byte) (disposition, error) {
	literal, literalErr := readDisposition(value, false)
	if bytes.IndexByte(value, '\\') < 0 {
		return literal, literalErr
	}
	escaped, escapedErr := readDisposition(value, true)
	switch {
	case literalErr != nil:
		return disposition{}, literalErr
	case escapedErr != nil:
		return disposition{}, escapedErr
	case literal.plainFile() && escaped.plainFile():
		return literal, nil // a file whatever its name, and files are not edited
	case literal != escaped:
		return disposition{}, fmt.Errorf("%w: a backslash makes it ambiguous", ErrMalformedHeader)
	}
	return literal, nil
}

// readDisposition reads value in one of the two readings: with escapes, `\"`
// does not end a quoted string.
func readDisposition(value []byte, escapes bool) (d disposition, err error) {
	var plainFile, seenFile, seenExtended bool
	for pos := 0; pos < len(value); {
		key, start, end, next, err := readParameter(value, pos, escapes)
		if err != nil {
			return disposition{}, err
		}
		pos = next
		if endsWithName(key) {
			d.keys++
		}
		switch {
		case equalFoldASCII(key, "name"):
			if d.named {
				return disposition{}, fmt.Errorf("%w: two names", ErrMalformedHeader)
			}
			d.nameStart, d.nameEnd, d.named = start, end, true
		case equalFoldASCII(key, "filename"):
			if seenFile {
				return disposition{}, fmt.Errorf("%w: two file names", ErrMalformedHeader)
			}
			seenFile, plainFile = true, end > start
		case len(key) > len("name") && equalFoldASCII(key[:len("name*")], "name*"):
			return disposition{}, fmt.Errorf("%w: name* has no place in a form", ErrMalformedHeader)
		case len(key) > len("filename") && equalFoldASCII(key[:len("filename*")], "filename*"):
			seenExtended = true
		}
	}
	d.file = plainFile || seenExtended
	d.extendedFile = seenExtended && !plainFile
	return d, nil
}

// endsWithName reports whether a key is name, filename or the like.
func endsWithName(key []byte) bool {
	key, _, _ = bytes.Cut(key, []byte("*"))
	return len(key) >= len("name") && equalFoldASCII(key[len(key)-len("name"):], "name")
}

// readParameter reads one parameter of value from pos on. The value of the
// parameter stands at [start:end], without quotes; next is where the following
// parameter begins. A parameter without "=", as the disposition type is, has
// an empty key.
func readParameter(value []byte, pos int, escapes bool) (key []byte, start, end, next int, err error) {
	equals := bytes.IndexByte(value[pos:], '=')
	semicolon := bytes.IndexByte(value[pos:], ';')
	if equals < 0 || semicolon >= 0 && semicolon < equals {
		return nil, pos, pos, afterSemicolon(value, pos), nil
	}
	key = bytes.Trim(value[pos:pos+equals], " \t\r\n")
	start = pos + equals + 1
	for start < len(value) && isBlank(value[start]) {
		start++
	}
	if start < len(value) && value[start] == '"' {
		start++
		end = closingQuote(value, start, escapes)
		if end < 0 || holdsLineEnd(value[start:end]) {
			return nil, 0, 0, 0, fmt.Errorf("%w: a quoted string does not end", ErrMalformedHeader)
		}
		// Whatever stands between the quote and the semicolon is passed over:
		// clients that do not escape leave the rest of a file name there.
		return key, start, end, afterSemicolon(value, end+1), nil
	}
	next = afterSemicolon(value, start)
	unquoted := bytes.TrimRight(bytes.TrimSuffix(value[start:next], []byte(";")), " \t\r\n")
	// Some servers take single quotes for quotes.
	if bytes.IndexByte(unquoted, '"') >= 0 || bytes.HasPrefix(unquoted, []byte("'")) || holdsLineEnd(unquoted) {
		return nil, 0, 0, 0, fmt.Errorf("%w: a quote is out of place", ErrMalformedHeader)
	}
	return key, start, start + len(unquoted), next, nil
}

// closingQuote returns the index of the quote that ends the string which
// begins at pos, or -1.
func closingQuote(value []byte, pos int, escapes bool) int {
	for ; pos < len(value); pos++ {
		switch {
		case value[pos] == '"':
			return pos
		case value[pos] == '\\' && escapes:
			pos++
		}
	}
	return -1
}

// afterSemicolon returns the index after the next semicolon, or len(value).
func afterSemicolon(value []byte, pos int) int {
	if i := bytes.IndexByte(value[pos:], ';'); i >= 0 {
		return pos + i + 1
	}
	return len(value)
}

// holdsLineEnd reports whether there is a CR or a LF in value.
func holdsLineEnd(value []byte) bool {
	return bytes.IndexByte(value, '\r') >= 0 || bytes.IndexByte(value, '\n') >= 0
}

// isBlank also takes CR and LF, which stand in a folded header.
func isBlank(c byte) bool {
	return c == ' ' || c == '\t' || c == '\r' || c == '\n'
}

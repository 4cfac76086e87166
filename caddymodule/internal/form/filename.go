// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"regexp"
	"strconv"
)

// Bounds of what is collected. With more than that, a part is doubtful.
const (
	maxFileNames    = 32      // and types
	maxFileNameKeys = 16      // in one header
	maxFileName     = 4 << 10 // bytes of a file name that is not plain
)

// fileNames collects the file names of a part.
type fileNames struct {
	part   *Part
	count  int      // of keys
	pieces [][]byte // of a continued file name, in the order of the header
	doubt  bool     // about the pieces
}

// readLine collects the file names in a line of the header. A key counts wherever it
// stands, within quotes too, for servers disagree on where these end. Some take `name`
// of a Content-Type for a file name.
func (f *fileNames) readLine(line []byte, isType bool) {
	start := 0
	for i, c := range line {
		if c != '=' {
			continue
		}
		key := line[start:i]
		start = i + 1
		if cut := bytes.LastIndexAny(key, ";,&"); cut >= 0 {
			key = key[cut+1:]
		}
		letters := appendLetters(nil, key)
		isName := bytes.Contains(letters, fileNameLetters)
		if !isName && !(isType && bytes.Contains(letters, nameLetters)) {
			continue
		}
		if f.count++; f.count > maxFileNameKeys {
			f.part.Doubtful = true
			return
		}
		key = bytes.Trim(key, " \t\r\n")
		f.part.Doubtful = f.part.Doubtful || isName && !equalFoldASCII(key, "filename") && !extendedFileName.Match(key)
		if piece := pieceNumber.FindSubmatch(key); piece != nil {
			f.addPiece(piece[1], line[i+1:])
		} else {
			f.addValue(bytes.TrimLeft(line[i+1:], " \t\r\n"))
		}
	}
	for _, reading := range readings(line)[1:] { // a key may be encoded
		f.part.Doubtful = f.part.Doubtful || countFileNames(reading) > countFileNames(line)
	}
}

// countFileNames counts the keys of file names in a line, in any spelling.
func countFileNames(line []byte) int { return len(anyFileNameKey.FindAllIndex(line, -1)) }

var (
	anyFileNameKey = regexp.MustCompile(`(?i)filename[^;,&=]*=`)
	pieceNumber    = regexp.MustCompile(`\*(\d+)\*?$`)
)

// addPiece adds a piece of a continued file name (RFC 2231, section 3). Servers disagree
// on pieces that are not in order.
func (f *fileNames) addPiece(number, value []byte) {
	n, err := strconv.Atoi(string(number))
	f.doubt = f.doubt || err != nil || n != len(f.pieces)
	piece, _, _ := bytes.Cut(bytes.Trim(value, " \t\r\n"), semicolonSign)
	piece = bytes.TrimRight(piece, " \t\r\n")
	f.doubt = f.doubt || bytes.ContainsAny(piece, "\\\r\n") || bytes.Count(piece, []byte(`"`))%2 != 0
	f.pieces = append(f.pieces, bytes.Trim(piece, `"`))
}

// join adds the continued file name.
func (f *fileNames) join() {
	if len(f.pieces) > 0 {
		f.part.Doubtful = f.part.Doubtful || f.doubt
		f.addReadings(bytes.Join(f.pieces, nil))
	}
}

// addValue adds the file names that a value may be, with all that stands behind it.
func (f *fileNames) addValue(value []byte) {
	text, quoted := bytes.CutPrefix(value, []byte(`"`))
	if quoted {
		f.addQuoted(text)
	}
	if !quoted || bytes.IndexByte(text, '"') < 0 {
		f.addUnquoted(value)
	}
	value = value[:min(len(value), 2*maxFileName)]
	f.addReadings(bytes.Trim(value[:semicolonOutside(value)], "\"' \t\r\n")) // as PHP does
}

// addQuoted adds the file names that a value in quotes may be, less the first of them.
func (f *fileNames) addQuoted(text []byte) {
	end := bytes.IndexByte(text, '"')
	if end < 0 {
		end = len(text)
	}
	literal := text[:end]
	f.part.Doubtful = f.part.Doubtful || holdsLineEnd(literal) // some servers end the line there, and the value
	if len(literal) > maxFileName {
		f.part.Doubtful = true
		f.add(literal)
		return
	}
	f.addReadings(literal)
	text = text[:min(len(text), 2*maxFileName)]
	f.addReadings(text[:escapedEnd(text)]) // a quoted pair (RFC 9110, section 5.6.4)
	for _, closing := range closingQuotes {
		if end := closing.FindIndex(text); end != nil {
			f.addReadings(text[:end[0]])
		}
	}
	if cut, _, found := bytes.Cut(text, semicolonSign); found { // servers that split at it even within quotes
		f.addReadings(bytes.Trim(cut, "\" \t"))
	}
}

// closingQuotes match the quote that ends a file name with unescaped quotes in it.
var closingQuotes = []*regexp.Regexp{regexp.MustCompile(`"[ \t]*(?:;|$)`), regexp.MustCompile(`"(?:;\s|$)`)}

// escapedEnd returns the index of the first quote without a backslash before it.
func escapedEnd(text []byte) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(text)
}

// semicolonOutside returns the index of the first semicolon that is not within quotes,
// of either kind, or the length of text.
func semicolonOutside(text []byte) int {
	var quote byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote == 0 && c == ';':
			return i
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && c == '\\':
			i++
		case c == quote:
			quote = 0
		}
	}
	return len(text)
}

// addUnquoted adds the file names that a value without quotes may be. Some clients write
// blanks in one, and some servers cut it there, or at a comma.
func (f *fileNames) addUnquoted(value []byte) {
	text, _, _ := bytes.Cut(value, semicolonSign)
	f.part.Doubtful = f.part.Doubtful || len(text) > maxFileName || holdsLineEnd(bytes.TrimRight(text, " \t\r\n"))
	text = bytes.Trim(text[:min(len(text), maxFileName)], "\"' \t\r\n")
	f.addReadings(text)
	f.addReadings(bytes.Trim(text, "\"'\\")) // quotes that are escaped, for they stand within others
	for _, sign := range []byte(" ,\t\"") {
		if cut := bytes.IndexByte(text, sign); cut >= 0 {
			f.addReadings(text[:cut])
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"regexp"
)

// Bounds of what is collected. With more than that, a part is doubtful.
const (
	maxFileNames    = 32      // and types
	maxFileNameKeys = 16      // in one header
	maxFileName     = 4 << 10 // bytes of a file name that is not plain
)

// fileNames collects the file names of a part.
type fileNames struct {
	part  *Part
	count int // of keys
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
		if !isName && (!isType || !bytes.Contains(letters, nameLetters)) {
			continue
		}
		if f.count++; f.count > maxFileNameKeys {
			f.part.Doubtful = true
		}
		if f.part.Doubtful {
			return
		}
		key = bytes.Trim(key, " \t\r\n")
		value := bytes.TrimLeft(line[i+1:], " \t\r\n")
		lacksCharset := bytes.HasSuffix(key, []byte("*")) && bytes.IndexByte(value, '\'') < 0
		f.part.Doubtful = f.part.Doubtful || isName && !fileNameKeys.Match(key) || lacksCharset
		f.addValue(value)
	}
	if f.part.Doubtful = f.part.Doubtful || bareFileNameKey.Match(line); f.part.Doubtful {
		return
	}
	for _, reading := range readings(line)[1:] { // a key may be encoded
		f.part.Doubtful = f.part.Doubtful || countFileNames(reading) > countFileNames(line)
	}
}

// countFileNames counts the keys of file names in a line, in any spelling.
func countFileNames(line []byte) int { return len(anyFileNameKey.FindAllIndex(line, -1)) }

var (
	anyFileNameKey = regexp.MustCompile(`(?i)filename[^;,&=]*=`)
	// fileNameKeys matches the keys that servers read alike. Of a file name in pieces
	// (RFC 2231, section 3: filename*0=), which no browser writes, they make all kinds.
	fileNameKeys = regexp.MustCompile(`^(?i:filename)\*?$`)
	// bareFileNameKey matches a key without a value, of which Commons FileUpload and, with
	// an asterisk, @fastify/busboy make a file.
	bareFileNameKey = regexp.MustCompile(`(?i);\s*filename[*0-9]*\s*(?:;|$)`)
)

// addValue adds the file names that a value may be, with all that stands behind it.
func (f *fileNames) addValue(value []byte) {
	text, quoted := bytes.CutPrefix(value, []byte(`"`))
	if quoted {
		f.addQuoted(text)
	}
	if !quoted || bytes.IndexByte(text, '"') < 0 {
		f.addUnquoted(value)
	}
	value = value[:min(len(value), maxFileName+1)]
	f.addReadings(bytes.Trim(value[:semicolonByCount(value, '\\')], "\"' \t\r\n")) // as Python does
	f.addReadings(bytes.Trim(value[:semicolonByCount(value, '"')], "\"' \t\r\n"))  // as Django does
	value = value[:semicolonOutside(value)]
	f.addReadings(bytes.Trim(value, "\"' \t\r\n")) // as PHP does
	if bytes.IndexByte(value, '"') >= 0 {
		f.addReadings(bytes.ReplaceAll(value, []byte(`"`), nil)) // as @fastify/busboy does
	}
}

// addQuoted adds the file names that a value in quotes may be, less the opening one.
func (f *fileNames) addQuoted(text []byte) {
	end := bytes.IndexByte(text, '"')
	if end < 0 {
		end = len(text)
	}
	literal := text[:end]
	f.part.Doubtful = f.part.Doubtful || holdsLineEnd(literal) // some servers end the line there, and the value
	f.addReadings(literal)
	text = text[:min(len(text), maxFileName+1)]
	f.addReadings(text[:escapedEnd(text)]) // a quoted pair (RFC 9110, section 5.6.4)
	for _, closing := range closingQuotes {
		if end := closing.FindSubmatchIndex(text); end != nil {
			f.addReadings(text[:end[2]])
		}
	}
	cut, _, _ := bytes.Cut(text, semicolonSign) // servers that split at it even within quotes
	f.addReadings(bytes.Trim(cut, "\" \t"))
}

// closingQuotes match the quote that ends a file name: with unescaped quotes in it, or
// by a backslash before a quote, whatever stands before the backslash.
var closingQuotes = []*regexp.Regexp{regexp.MustCompile(`(")[ \t]*(?:;|$)`), regexp.MustCompile(`(")(?:;\s|$)`), regexp.MustCompile(`[^\\](")`)}

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

// semicolonByCount returns the index of the first semicolon with an even number of
// quotes before it, or the length of text. A quote behind escape is left out; to Django,
// no character is one.
func semicolonByCount(text []byte, escape byte) int {
	odd := false
	for i, c := range text {
		switch {
		case c == ';' && !odd:
			return i
		case c == '"' && (escape == '"' || i == 0 || text[i-1] != escape):
			odd = !odd
		}
	}
	return len(text)
}

// addUnquoted adds the file names that a value without quotes may be. Some clients write
// blanks in one, and some servers cut it at any sign that is not of a token (RFC 9110,
// section 5.6.2). HTTP::Body reads up to the next quote.
func (f *fileNames) addUnquoted(value []byte) {
	text, _, _ := bytes.Cut(value, semicolonSign)
	f.part.Doubtful = f.part.Doubtful || holdsLineEnd(bytes.TrimRight(text, " \t\r\n")) || bytes.HasPrefix(text, []byte("="))
	text = bytes.Trim(text[:min(len(text), maxFileName+1)], "\"' \t\r\n")
	f.addReadings(text)
	f.addReadings(bytes.Trim(text, "\"'\\")) // quotes that are escaped, for they stand within others
	for _, signs := range []string{" \t", ",", "()<>@,;:\\\"/[]?={} \t"} {
		if cut := bytes.IndexAny(text, signs); cut >= 0 {
			f.addReadings(text[:cut])
		}
	}
	greedy, _, _ := bytes.Cut(value[:min(len(value), maxFileName+1)], []byte(`"`))
	f.addReadings(bytes.TrimSpace(greedy))
}

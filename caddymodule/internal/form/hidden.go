// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"mime"
	"regexp"
	"slices"
	"strconv"
)

// Servers take doubtful text apart in ways that cannot be foretold. So it is not
// taken apart here: all that could be decoded is, and then only the order of
// letters and digits counts.

// hidden reports whether some server could find a name of the set in text, given
// to it as a name: behind anything that ends in "name".
func (n *Names) hidden(text []byte) bool {
	if n == nil || len(text) <= len(nameLetters) { // as an epilogue of CRLF
		return false
	}
	for _, reading := range readings(text) {
		letters := appendLetters(nil, reading)
		if i := bytes.Index(letters, nameLetters); i >= 0 && n.isIn(letters[i+len(nameLetters):]) {
			return true
		}
	}
	return n.isIn(appendLetters(nil, unescape(continuedName(text))))
}

// continuedName returns the pieces of a continued name (RFC 2231, section 3),
// joined by their numbers.
func continuedName(text []byte) []byte {
	pieces := namePiece.FindAllSubmatch(text, -1)
	number := func(piece [][]byte) int {
		n, _ := strconv.Atoi(string(piece[1])) // digits; too many are as good as none
		return n
	}
	slices.SortStableFunc(pieces, func(a, b [][]byte) int { return number(a) - number(b) })
	var joined []byte
	for _, piece := range pieces {
		joined = append(joined, piece[2]...)
	}
	return joined
}

// MentionedIn reports whether a name of the set is anywhere in text, also where
// that is encoded.
func (n *Names) MentionedIn(text []byte) bool {
	if n == nil {
		return false
	}
	for _, reading := range readings(text) {
		if n.isIn(appendLetters(nil, reading)) {
			return true
		}
	}
	return false
}

func (n *Names) isIn(letters []byte) bool {
	for _, name := range n.letters {
		if bytes.Contains(letters, name) {
			return true
		}
	}
	return false
}

var (
	nameLetters = []byte("name")
	encodedWord = []byte("=?") // RFC 2047
	// namePiece is a piece of a continued name, with its number and its value,
	// less the charset and the language before that.
	namePiece = regexp.MustCompile(`(?i)name\s*\*\s*(\d+)\s*\*?\s*=\s*(?:[\w-]*'[^';]*')?([^;]*)`)
)

// readings returns text as it is and as servers may decode it.
func readings(text []byte) [][]byte {
	all := append(make([][]byte, 0, 4), text)
	if bytes.IndexByte(text, '%') >= 0 {
		unescaped := unescape(text)
		// What is no escape loses its sign, at least to CherryPy.
		all = append(all, unescaped, bytes.ReplaceAll(unescaped, []byte("%"), nil))
	}
	if bytes.Contains(text, encodedWord) {
		all = append(all, decodeWords(text))
	}
	return all
}

// unescape decodes percent-encoding as lenient servers do: what is no escape
// stays as it is, and %uXXXX is one.
func unescape[T string | []byte](text T) []byte {
	unescaped := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' {
			if c, length := escape(text[i+1:]); length > 0 {
				unescaped = append(unescaped, c)
				i += length
				continue
			}
		}
		unescaped = append(unescaped, text[i])
	}
	return unescaped
}

// escape returns the character that an escape stands for, and the length of the
// escape without its sign; 0 if there is none. A character above ASCII is none
// that a name of the set has.
func escape[T string | []byte](s T) (c byte, length int) {
	start, length := 0, 2
	if len(s) > 0 && s[0]|0x20 == 'u' {
		start, length = 1, 5
	}
	if len(s) < length {
		return 0, 0
	}
	value, err := strconv.ParseUint(string(s[start:length]), 16, 16)
	if err != nil {
		return 0, 0
	}
	return byte(min(value, 0xff)), length
}

// decodeWords decodes RFC 2047's encoded words, wherever they stand. One that
// cannot be decoded stays as it is.
func decodeWords(text []byte) []byte {
	text = betweenWords.ReplaceAll(text, []byte("?==?")) // RFC 2047, section 6.2
	return encodedWords.ReplaceAllFunc(text, func(word []byte) []byte {
		decoded, err := new(mime.WordDecoder).Decode(string(word))
		if err != nil { // perhaps for its charset
			decoded, err = new(mime.WordDecoder).Decode(string(charsetOfWord.ReplaceAll(word, []byte("=?utf-8?$1?"))))
		}
		if err != nil {
			return word
		}
		return bytes.ReplaceAll([]byte(decoded), []byte{0}, nil) // of UTF-16
	})
}

var (
	encodedWords  = regexp.MustCompile(`=\?[^?]*\?[bBqQ]\?[^?]*\?=`)
	betweenWords  = regexp.MustCompile(`\?=\s+=\?`)
	charsetOfWord = regexp.MustCompile(`^=\?[^?]*\?([bBqQ])\?`)
)

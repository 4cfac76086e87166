// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"mime"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// How servers parse doubtful text cannot be foretold. So it is not parsed here:
// everything that could be decoded is decoded, and every key that contains the letters
// "name" counts, whatever stands around it and its value. That refuses too much in
// theory; in forms of real clients nothing is doubtful and looks like this.

// hidden reports whether some server could find a name of the set in text, as the value
// of a parameter `name`.
func (n *Names) hidden(text []byte) bool {
	if n == nil {
		return false
	}
	return slices.ContainsFunc(readings(text), n.isValueIn) ||
		bytes.IndexByte(text, '*') >= 0 && n.isIn(appendLetters(nil, unescape(continuedName(text))))
}

// How many bytes around an equals sign are examined. Without limits, a text of nothing
// but such signs would take time that grows with the square of its length.
const (
	maxKeySize    = 64
	maxPrefixSize = 64 // of a value: quotes and blanks, or a charset
)

// isValueIn reports whether a name of the set is the value of a key that contains the
// letters "name" in text.
func (n *Names) isValueIn(text []byte) bool {
	for from := 0; ; {
		i := bytes.IndexByte(text[from:], '=')
		if i < 0 {
			return false
		}
		key, value := text[max(0, from+i-maxKeySize):from+i], text[from+i+1:]
		from += i + 1
		if start := bytes.LastIndexAny(key, ";,&"); start >= 0 {
			key = key[start+1:]
		}
		if bytes.Contains(appendLetters(nil, key), nameLetters) && (n.beginsIn(value) || n.beginsIn(withoutCharset(value))) {
			return true
		}
	}
}

// beginsIn reports whether a value begins with a name of the set, whatever punctuation
// stands between its letters, and not with a longer word.
func (n *Names) beginsIn(value []byte) bool {
	for j, name := range n.letters {
		if beginsWith(value, name, strings.Contains(n.names[j], "[")) {
			return true
		}
	}
	return false
}

// beginsWith is beginsIn for one name. A dot ends a composite name to some servers.
func beginsWith(value, name []byte, composite bool) bool {
	matched := 0
	for i, c := range value {
		switch {
		case matched == len(name):
			return !isAlphanumeric(c) && c != '_' && c != '-' && (c != '.' || composite)
		case isAlphanumeric(c) && lower(c) == name[matched]:
			matched++
		case isAlphanumeric(c), i > len(name)+maxPrefixSize:
			return false
		}
	}
	return matched == len(name)
}

// withoutCharset returns what follows the charset and the language at the beginning of a
// value (RFC 8187: UTF-8'en'text), or nil if there are none.
func withoutCharset(value []byte) []byte {
	_, rest, found := bytes.Cut(value[:min(len(value), maxPrefixSize)], []byte("'"))
	if i := bytes.IndexByte(rest, '\''); found && i >= 0 {
		return value[min(len(value), maxPrefixSize)-len(rest)+i+1:]
	}
	return nil
}

// maxPieces is how many pieces of a continued name are joined: more than a protected
// name has characters.
const maxPieces = 256

// continuedName returns the pieces of a continued name (RFC 2231, section 3: name*0=sig;
// name*1=nature), joined in the order of their numbers.
func continuedName(text []byte) []byte {
	pieces := namePiece.FindAllSubmatch(text, maxPieces)
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

// MentionedIn reports whether a name of the set stands anywhere in text, encoded or not.
func (n *Names) MentionedIn(text []byte) bool {
	return n != nil && slices.ContainsFunc(readings(text), func(reading []byte) bool { return n.isIn(appendLetters(nil, reading)) })
}

// isIn reports whether letters contain a name of the set.
func (n *Names) isIn(letters []byte) bool {
	return slices.ContainsFunc(n.letters, func(name []byte) bool { return bytes.Contains(letters, name) })
}

var (
	nameLetters = []byte("name")
	encodedWord = []byte("=?") // RFC 2047
	// namePiece matches a piece of a continued name, with its number and its value, the
	// latter without the charset and the language before it.
	namePiece = regexp.MustCompile(`(?i)name\s*\*\s*(\d+)\s*\*?\s*=\s*(?:[\w-]*'[^';]*')?([^;]*)`)
)

// readings returns text as it is, and as servers may decode it.
func readings(text []byte) [][]byte {
	all := append(make([][]byte, 0, 4), text)
	if bytes.IndexByte(text, '%') >= 0 {
		unescaped := unescape(text)
		// CherryPy drops the percent sign of what is no escape.
		all = append(all, unescaped, bytes.ReplaceAll(unescaped, []byte("%"), nil))
	}
	if bytes.Contains(text, encodedWord) {
		all = append(all, decodeWords(text))
	}
	return all
}

// unescape decodes percent-encoding as lenient servers do: an invalid escape stays as
// it is, and %uXXXX, which no standard has, is one.
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

// escape returns the character that an escape at the beginning of s stands for, and the
// length of the escape without its percent sign, or 0 if there is none. A character
// above U+00FF becomes 0xff: no protected name contains either.
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

// decodeWords decodes RFC 2047's encoded words, wherever they stand: some servers do so
// with names of fields, as mail software does. One that cannot be decoded stays.
func decodeWords(text []byte) []byte {
	text = betweenWords.ReplaceAll(text, []byte("?==?")) // RFC 2047, section 6.2
	return encodedWords.ReplaceAllFunc(text, func(word []byte) []byte {
		decoded, err := new(mime.WordDecoder).Decode(string(word))
		if err != nil { // perhaps because of its charset: ASCII is the same in nearly all
			decoded, err = new(mime.WordDecoder).Decode(string(charsetOfWord.ReplaceAll(word, []byte("=?utf-8?$1?"))))
		}
		if err != nil {
			return word
		}
		return bytes.ReplaceAll([]byte(decoded), []byte{0}, nil) // every other byte of ASCII in UTF-16
	})
}

var (
	encodedWords  = regexp.MustCompile(`=\?[^?]*\?[bBqQ]\?[^?]*\?=`)
	betweenWords  = regexp.MustCompile(`\?=\s+=\?`)
	charsetOfWord = regexp.MustCompile(`^=\?[^?]*\?([bBqQ])\?`)
)

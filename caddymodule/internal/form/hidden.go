// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"cmp"
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
	return slices.ContainsFunc(readings(text), n.isValueIn) || bytes.IndexByte(text, '*') >= 0 && n.isContinuedIn(text)
}

// How many bytes around an equals sign are examined. Without limits, a text of nothing
// but such signs would take time that grows with the square of its length. What fills
// them is as good as a name: no client writes that.
const (
	maxKeySize     = 64
	maxPrefixSize  = 64      // of a value: quotes and blanks
	maxCharsetSize = 1 << 10 // of a value: a charset and a language
)

// isValueIn reports whether a name of the set is the value of a key that contains the
// letters "name" in text.
func (n *Names) isValueIn(text []byte) bool {
	for from := 0; ; {
		i := bytes.IndexByte(text[from:], '=')
		if i < 0 {
			return false
		}
		begin, value := max(0, from+i-maxKeySize), text[from+i+1:]
		key := text[begin : from+i]
		from += i + 1
		start := bytes.LastIndexAny(key, ";,&")
		isCut := start < 0 && begin > 0
		if isCut || bytes.Contains(appendLetters(nil, key[start+1:]), nameLetters) {
			if n.beginsIn(value) || n.beginsBehindCharset(value, bytes.HasSuffix(bytes.TrimSpace(key), []byte("*"))) {
				return true
			}
		}
	}
}

// beginsIn reports whether a value begins with a name of the set, whatever punctuation
// stands between its letters, and not with a longer word.
func (n *Names) beginsIn(value []byte) bool {
	if n == nil {
		return false
	}
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
		case isAlphanumeric(c):
			return false
		case i > len(name)+maxPrefixSize:
			return true
		}
	}
	return matched == len(name)
}

// beginsBehindCharset is beginsIn for what stands behind a charset and a language, if the
// value begins with them, as it has to if its key is marked as extended by an asterisk.
func (n *Names) beginsBehindCharset(value []byte, extended bool) bool {
	beginning := value[:min(len(value), maxCharsetSize)]
	if text := withoutCharset(beginning); text != nil {
		return n.beginsIn(value[len(beginning)-len(text):])
	}
	return len(value) > len(beginning) && (extended || bytes.Contains(beginning, quoteSign))
}

var quoteSign = []byte("'")

// withoutCharset returns what follows the charset and the language at the beginning of a
// value (RFC 8187: UTF-8'en'text), or nil if there are none.
func withoutCharset(value []byte) []byte {
	_, rest, _ := bytes.Cut(value, quoteSign)
	if _, text, found := bytes.Cut(rest, quoteSign); found {
		return text
	}
	return nil
}

// isContinuedIn reports whether a name of the set stands in the pieces of a continued name
// (RFC 2231, section 3: name*0=sig; name*1=nature), joined in the order of their numbers,
// and among pieces of one number, in that of the text or of their values, as Python does.
func (n *Names) isContinuedIn(text []byte) bool {
	pieces := namePiece.FindAllSubmatch(text, -1)
	number := func(piece [][]byte) int {
		n, _ := strconv.Atoi(string(piece[1])) // digits; too many are as good as none
		return n
	}
	byNumber := func(a, b [][]byte) int { return number(a) - number(b) }
	byValue := func(a, b [][]byte) int { return cmp.Or(byNumber(a, b), bytes.Compare(a[2], b[2])) }
	for _, order := range []func(a, b [][]byte) int{byNumber, byValue} {
		slices.SortStableFunc(pieces, order)
		var joined []byte
		for _, piece := range pieces {
			joined = append(joined, piece[2]...)
		}
		if slices.ContainsFunc(decodings(joined), func(decoded []byte) bool { return n.isIn(appendLetters(nil, decoded)) }) {
			return true
		}
	}
	return false
}

// MentionedIn reports whether a name of the set stands anywhere in text, encoded or not.
func (n *Names) MentionedIn(text []byte) bool {
	return n != nil && slices.ContainsFunc(readings(text), func(reading []byte) bool { return n.isIn(appendLetters(nil, reading)) })
}

// ExtendsName reports whether a text has a name in pieces, or in a charset other than those
// that every server reads alike. No client writes either (RFC 7578, section 4.2, forbids
// it), and what a server makes of them depends on its charsets.
func ExtendsName(text []byte) bool {
	for _, extended := range extendedName.FindAllSubmatch(text, -1) {
		if charset := extended[2]; len(extended[1]) > 0 || charset != nil && !commonCharset.Match(charset) {
			return true
		}
	}
	return false
}

// isIn reports whether letters contain a name of the set.
func (n *Names) isIn(letters []byte) bool {
	return slices.ContainsFunc(n.letters, func(name []byte) bool { return bytes.Contains(letters, name) })
}

var (
	nameLetters = []byte("name")
	// namePiece matches a piece of a continued name, with its number and its value, the
	// latter without the charset and the language before it.
	namePiece = regexp.MustCompile(`(?i)name\s*\*\s*(\d+)\s*\*?\s*=\s*(?:[\w-]*'[^';]*')?([^;]*)`)
	// extendedName matches a name that is extended (RFC 8187), with the number of its piece
	// and with its charset.
	extendedName  = regexp.MustCompile(`(?i)name[\s"]*\*[\s"]*(\d*)(?:[^=;]*=[\s"]*([^';]*)')?`)
	commonCharset = regexp.MustCompile(`(?i)^(?:utf-?8|iso-8859-1|us-ascii)?$`)
)

// withoutBlanks does to a value without quotes what @fastify/busboy does before it decodes it.
var withoutBlanks = strings.NewReplacer(" ", "", "\t", "")

// readings returns text as it is, and as servers may decode it.
func readings(text []byte) [][]byte {
	all := append(make([][]byte, 0, 4), text)
	if bytes.IndexByte(text, '%') >= 0 {
		all = append(all, decodings(text)...)
		all = append(all, []byte(strings.ReplaceAll(unescapeUnicode(string(text)), "%", "")))
		if joined := withoutBlanks.Replace(string(text)); len(joined) != len(text) {
			all = append(all, decodings([]byte(joined))...)
		}
	}
	if bytes.Contains(text, encodedWord) {
		decoded := decodeWords(text, false)
		all = append(all, decoded)
		if ended := decodeWords(text, true); !bytes.Equal(ended, decoded) {
			all = append(all, ended)
		}
	}
	return all
}

// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"slices"
)

// Names is a set of field names, with what they have in common with names that
// one server or another takes for the same. A nil set is empty.
type Names struct {
	names   []string
	letters [][]byte  // as appendLetters has them
	first   [256]bool // the bytes that a name of the set begins with, in any case
}

// NewNames returns a set of names, which consist of letters, digits and
// underscores.
func NewNames(names ...string) *Names {
	set := &Names{names: names}
	for _, name := range names {
		set.letters = append(set.letters, appendLetters(nil, []byte(name)))
		set.first[lower(name[0])], set.first[upper(name[0])] = true, true
	}
	return set
}

// hasPlain does what resemble does with a name that consists of letters,
// digits, underscores, hyphens and dots.
func (n *Names) hasPlain(name []byte) bool {
	if n == nil || len(name) == 0 || !n.first[name[0]] {
		return false
	}
	return slices.ContainsFunc(n.names, func(other string) bool {
		if len(other) != len(name) {
			return false
		}
		for i, c := range name {
			if fold[c] != lower(other[i]) {
				return false
			}
		}
		return true
	})
}

// resemble reports whether some server could take name for one of the set.
func (n *Names) resemble(name []byte) bool {
	switch {
	case n == nil:
		return false
	case n.foldsTo(name):
		return true
	case bytes.IndexByte(name, '\'') >= 0 && n.foldsTo(unescape(withoutCharset(name))):
		return true
	case bytes.IndexByte(name, '%') < 0 && !bytes.Contains(name, encodedWord): // as almost always
		return false
	}
	readings := readings(name)
	return slices.ContainsFunc(readings[1:], n.foldsTo)
}

// foldsTo compares a name with the set, and what is left of it where servers
// cut.
func (n *Names) foldsTo(name []byte) bool {
	var buf [64]byte
	folded := buf[:0]
	for _, c := range name {
		if c = fold[c]; c != dropped {
			folded = append(folded, c)
		}
	}
	folded = bytes.TrimLeft(folded, " []") // as Rack does
	for {
		folded = bytes.TrimRight(folded, " ")
		if slices.ContainsFunc(n.names, func(other string) bool { return equalFolded(folded, other) }) {
			return true
		}
		cut := bytes.LastIndexAny(folded, cuttingSigns)
		if cut < 0 {
			return false
		}
		folded = folded[:cut]
	}
}

// equalFolded compares a folded name with one of a set. PHP takes a blank, a
// dot and a bracket that is not closed for underscores.
func equalFolded(folded []byte, name string) bool {
	if len(folded) != len(name) {
		return false
	}
	for i, c := range folded {
		if c == ' ' || c == '[' {
			c = '_'
		}
		if c != lower(name[i]) {
			return false
		}
	}
	return true
}

// cuttingSigns are those at which some server ends a name: the brackets of an
// array, what separates parameters, and NUL.
const cuttingSigns = "[];=&,:\x00"

// dropped is what a byte folds to that some servers drop from a name: quotes,
// backslashes, control characters, and foreign blanks.
const dropped = 0xff

// fold makes a byte of a name what it is to the most lenient servers.
var fold = func() (fold [256]byte) {
	for c := range fold {
		switch b := byte(c); {
		case b == '.':
			fold[c] = '_'
		case b == '\t', b == '\r', b == '\n':
			fold[c] = ' '
		case b == 0:
			fold[c] = b
		case b < ' ', b >= 0x7f, b == '"', b == '\'', b == '\\':
			fold[c] = dropped
		default:
			fold[c] = lower(b)
		}
	}
	return fold
}()

// appendLetters appends the letters, in lower case, and digits of text.
func appendLetters(dst, text []byte) []byte {
	for _, c := range text {
		if isAlphanumeric(c) {
			dst = append(dst, lower(c))
		}
	}
	return dst
}

// equalFoldASCII is strings.EqualFold without Unicode's folding, which takes
// the long s for an s.
func equalFoldASCII[T string | []byte](a T, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// indexFoldASCII returns where in s a text stands first, or -1, without regard
// to the case of ASCII letters. The text is in lower case and begins with a
// letter.
func indexFoldASCII[T string | []byte](s T, text string) int {
	for i := range len(s) - len(text) + 1 {
		if s[i]|0x20 == text[0] && equalFoldASCII(s[i:i+len(text)], text) {
			return i
		}
	}
	return -1
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - ('a' - 'A')
	}
	return c
}

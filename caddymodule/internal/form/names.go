// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"slices"
)

// Names is a set of field names, with what they have in common with names that
// one server or another takes for the same: servers drop blanks and cut at a
// NUL or a bracket, PHP makes dots and blanks underscores, and parsers that
// disagree on quotes see parts of a name.
type Names struct {
	names     []string
	canonical [][]byte
}

// NewNames returns a set of names.
func NewNames(names ...string) Names {
	set := Names{names: names}
	for _, name := range names {
		set.canonical = append(set.canonical, appendCanonical(nil, []byte(name)))
	}
	return set
}

// has reports whether name is in the set, without regard to the case of ASCII
// letters and to blanks around it.
func (n Names) has(name []byte) bool {
	name = bytes.Trim(name, " \t")
	return slices.ContainsFunc(n.names, func(other string) bool { return equalFoldASCII(name, other) })
}

// find returns the name of the set that is spelled like name.
func (n Names) find(name []byte) (found string, ok bool) {
	for _, other := range n.names {
		if other == string(name) {
			return other, true
		}
	}
	return "", false
}

// resemble reports whether some server could take name for one of the set.
func (n Names) resemble(name []byte) bool {
	if i := bytes.IndexByte(name, 0); i >= 0 {
		name = name[:i]
	}
	if n.equalCanonical(name) {
		return true
	}
	if i := bytes.IndexByte(name, '['); i > 0 && n.equalCanonical(name[:i]) {
		return true
	}
	// Almost no name needs to be unescaped, or cut at a sign.
	var buf [64]byte
	return (bytes.IndexByte(name, '%') >= 0 || bytes.IndexByte(name, '=') >= 0) && n.equalCanonical(appendParameterName(buf[:0], string(name)))
}

func (n Names) equalCanonical(name []byte) bool {
	var buf [64]byte
	canonical := appendCanonical(buf[:0], name)
	return slices.ContainsFunc(n.canonical, func(other []byte) bool { return bytes.Equal(canonical, other) })
}

// beginIn reports whether the letters and digits of text begin with a name of
// the set.
func (n Names) beginIn(text []byte) bool {
	var buf [512]byte
	canonical := appendCanonical(buf[:0], text)
	return slices.ContainsFunc(n.canonical, func(name []byte) bool { return bytes.HasPrefix(canonical, name) })
}

// appendCanonical appends the letters, in lower case, and digits of text.
func appendCanonical(dst, text []byte) []byte {
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
// to the case of ASCII letters.
func indexFoldASCII(s, text string) int {
	for i := range len(s) - len(text) + 1 {
		if equalFoldASCII(s[i:i+len(text)], text) {
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

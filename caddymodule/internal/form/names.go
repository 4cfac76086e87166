// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"strings"
)

// Names is a set of field names, in forms that compare fast with the names that some
// server takes for the same. It is immutable and safe for concurrent use. A nil set is
// empty.
type Names struct {
	names     []string
	folded    []string // each name in lower case
	composite []compositeName
	letters   [][]byte  // each name as appendLetters returns it
	first     [256]bool // the bytes that names of the set begin with, in either case
}

// NewNames returns a set of names, which must not be empty. Each must consist of ASCII
// letters, digits and underscores, and may end with a key in brackets, of these and of
// hyphens, dots and colons: `metadata[user]`.
func NewNames(names ...string) *Names {
	set := &Names{names: names}
	for _, name := range names {
		if base, key, composite := strings.Cut(name, "["); composite {
			set.composite = append(set.composite, compositeName{name, base, strings.TrimSuffix(key, "]")})
		}
		set.folded = append(set.folded, strings.ToLower(name))
		set.letters = append(set.letters, appendLetters(nil, []byte(name)))
		set.first[lower(name[0])], set.first[upper(name[0])] = true, true
	}
	return set
}

// findPlain is find for a name that consists of letters, digits, underscores, hyphens
// and dots, as in nearly every part. It does not allocate.
func (n *Names) findPlain(name []byte) string {
	if n == nil || len(name) == 0 || !n.first[name[0]] {
		return ""
	}
	return n.searchPlain(name)
}

// searchPlain is the rest of findPlain, which is inlined without it.
func (n *Names) searchPlain(name []byte) string {
	for i, other := range n.folded {
		if len(other) == len(name) && isPlain(name, other) {
			return n.names[i]
		}
	}
	if n.composite != nil {
		return n.findComposite(name)
	}
	return ""
}

// isPlain compares a name that findPlain is given with one of a set in lower case, which
// has the same length.
func isPlain(name []byte, folded string) bool {
	folded = folded[:len(name)] // so that its bounds are checked once
	for i, c := range name {
		if plainFold[c] != folded[i] {
			return false
		}
	}
	return true
}

// resemble reports whether some server could take name for a name of the set.
func (n *Names) resemble(name []byte) bool { return n.find(name) != "" }

// find returns the name of the set that some server could take name for, or "".
func (n *Names) find(name []byte) string {
	if n == nil {
		return ""
	}
	if found := n.findFolded(name); found != "" {
		return found
	}
	if bytes.IndexByte(name, '\'') >= 0 {
		for _, decoded := range decodings(withoutCharset(name)) {
			if found := n.findFolded(decoded); found != "" {
				return found
			}
		}
	}
	if bytes.IndexByte(name, '%') < 0 && !bytes.Contains(name, encodedWord) { // as almost always
		return ""
	}
	for _, reading := range readings(name)[1:] {
		if found := n.findFolded(reading); found != "" {
			return found
		}
	}
	return ""
}

// findFolded compares a name with the set: as it is, and cut where servers cut names.
func (n *Names) findFolded(name []byte) string {
	var buf [64]byte
	folded := buf[:0]
	for _, c := range name {
		if c = fold[c]; c != dropped {
			folded = append(folded, c)
		}
	}
	folded = bytes.TrimLeft(folded, skippedSigns)
	if found := n.findComposite(folded); found != "" {
		return found
	}
	for {
		folded = bytes.TrimRight(folded, " ")
		for i, other := range n.folded {
			if equalFolded(folded, other) {
				return n.names[i]
			}
		}
		cut := bytes.LastIndexAny(folded, cuttingSigns)
		if cut < 0 {
			return ""
		}
		folded = folded[:cut]
	}
}

// equalFolded compares a folded name with one of a set in lower case. PHP replaces a blank, a dot
// and a bracket that is not closed by an underscore, since its variables can have none.
func equalFolded(folded []byte, name string) bool {
	if len(folded) != len(name) {
		return false
	}
	for i, c := range folded {
		if c == ' ' || c == '[' || c == '.' {
			c = '_'
		}
		if c != name[i] {
			return false
		}
	}
	return true
}

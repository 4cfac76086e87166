// SPDX-License-Identifier: Apache-2.0

package form

import "strings"

// compositeName is a name such as `metadata[user]`.
type compositeName struct {
	whole     string
	base, key string // `metadata` and `user`
}

// findComposite returns the composite name of the set that some server could take name
// for, or "". The name has neither escapes nor control characters in it.
func (n *Names) findComposite(name []byte) string {
	for i := range n.composite {
		if other := &n.composite[i]; other.isComposite(name) {
			return other.whole
		}
	}
	return ""
}

// isComposite reports whether some server could take a name, in any case, for a
// composite one. Servers that nest brackets (PHP, Rack, qs) do not agree on odd ones:
// what follows the key may be a key of its own or nothing at all, a bracket may be
// missing or come twice, and some take a dot for it. What they all read is the base,
// then one of these signs, then the key and no more letters.
func (n *compositeName) isComposite(name []byte) bool {
	if len(name) <= len(n.base) || !isBase(name[:len(n.base)], n.base) {
		return false
	}
	rest, separated, bracketed := name[len(n.base):], false, false
	for i, c := range rest {
		switch c {
		case '[':
			separated, bracketed = true, true
		case '.':
			separated = true
		case ' ', ']':
		default:
			return false
		}
		if separated && n.isKey(rest[i+1:], bracketed) {
			return true
		}
	}
	return false
}

// isBase compares what stands before the key. PHP takes a blank and a dot there for an
// underscore.
func isBase(name []byte, base string) bool {
	for i, c := range name {
		if c == ' ' || c == '.' {
			c = '_'
		}
		if lower(c) != lower(base[i]) {
			return false
		}
	}
	return true
}

// isKey reports whether text begins with the key, and not with a longer one. A dot and
// a colon may be part of a key within brackets; behind a dot, a dot ends it.
func (n *compositeName) isKey(text []byte, bracketed bool) bool {
	if len(text) < len(n.key) || !equalFoldASCII(text[:len(n.key)], n.key) {
		return false
	}
	for _, c := range text[len(n.key):] {
		if c != ' ' {
			return c == '.' && !bracketed || c != ':' && strings.IndexByte(cuttingSigns, c) >= 0
		}
	}
	return true
}

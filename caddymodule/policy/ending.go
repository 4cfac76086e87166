// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/unicode/rangetable"
)

// readEndings calls found with each extension that a name has to some server, once. What is
// behind the last dot may be none only because something stands in it that servers drop: in
// the service's examples hyphens are gone from names, and others keep what is ASCII.
func readEndings(name string, found func(string)) {
	var e endings
	e.read(name)
	// What has no width is in a name by mistake, or to hide something.
	bare := string(e.bare.extension())
	if isExtension(bare) {
		found(bare)
	}
	// Much else is dropped from names that have no extension, such as ends of sentences.
	// So what is left of it must be a known one.
	known := [...]string{bare, "", "", "", "", ""}
	for i, kept := range [...]*ending{&e.ascii, &e.canonical.apart, &e.canonical.whole, &e.compatible.apart, &e.compatible.whole} {
		if extension, isKnown := extensionNames[string(kept.extension())]; isKnown && !slices.Contains(known[:i+1], extension) {
			known[i+1] = extension
			found(extension)
		}
	}
}

// endings are the end of a name as servers read it.
type endings struct {
	bare       ending // without what has no width
	ascii      ending // the letters, digits and dots of ASCII alone, as in all that follow
	canonical  accents
	compatible accents // of the name in NFKC or NFKD, in which letters of full width are ASCII
}

// read reads a name from behind, no further than its extension can begin.
func (e *endings) read(name string) {
	var behind marks
	for name != "" && !e.over() {
		r, size := utf8.DecodeLastRuneInString(name)
		character := name[len(name)-size:]
		name = name[:len(name)-size]
		switch {
		case r < utf8.RuneSelf:
			e.bare.addVisible(character)
			if c := character[0]; c == '.' || isAlphanumeric(c) {
				e.ascii.add(c)
				e.canonical.add(c, &behind)
				e.compatible.add(c, &behind)
			}
			behind = marks{}
		case isInvisible(r):
			behind.put(r, norm.NFD.PropertiesString(character))
		default:
			e.bare.addVisible(character)
			if compatible := norm.NFKD.PropertiesString(character).Decomposition(); holdsKept(compatible) {
				e.compatible.addDecomposed(compatible, behind)
				e.canonical.addDecomposed(norm.NFD.PropertiesString(character).Decomposition(), behind)
			}
			behind = marks{}
		}
	}
}

func (e *endings) over() bool {
	return e.bare.over && e.ascii.over && e.canonical.apart.over && e.canonical.whole.over && e.compatible.apart.over && e.compatible.whole.over
}

// isInvisible reports whether a character has no width: format characters, marks, fillers, and
// separators of lines.
func isInvisible(r rune) bool {
	const softHyphen, grave = 0xad, 0x300 // none between them
	return r == softHyphen || r >= grave && unicode.Is(invisible, r)
}

var invisible = rangetable.Merge(unicode.Cf, unicode.M, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point)

// ending is the end of a name, read from behind.
type ending struct {
	text   [maxExtension]byte // in lower case, filled from its end
	length int
	dotted bool // the dot before it was read
	over   bool // nothing in front changes it
}

// extension returns what stands behind the last dot, or nothing.
func (e *ending) extension() []byte {
	if !e.dotted {
		return nil
	}
	return e.text[maxExtension-e.length:]
}

// add adds a letter, a digit or a dot.
func (e *ending) add(c byte) {
	switch {
	case e.over:
	case c == '.':
		e.dotted = e.length > 0 // systems drop dots at the end of a name
		e.over = e.dotted
	case e.length == maxExtension:
		e.over = true
	default:
		e.length++
		e.text[maxExtension-e.length] = lowerLetter(c)
	}
}

// addVisible adds a character, all of which are kept, but for those that systems drop at the
// end of a name.
func (e *ending) addVisible(character string) {
	switch c := character[0]; {
	case c == '.' || isAlphanumeric(c):
		e.add(c)
	case e.length > 0 || strings.TrimFunc(character, isDroppedAtEnd) != "":
		e.over = true
	}
}

func isDroppedAtEnd(r rune) bool { return unicode.IsSpace(r) || r == '/' || r == '\\' }

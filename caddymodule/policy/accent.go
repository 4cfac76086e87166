// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// accents are two ways to read letters with an accent, whether they are one character or
// several.
type accents struct {
	apart ending // NFD: the letter stays
	whole ending // NFC: it goes with its accent
}

// add adds a letter, a digit or a dot, and the marks behind it.
func (a *accents) add(c byte, behind *marks) {
	a.apart.add(c)
	if !behind.compose(c) {
		a.whole.add(c)
	}
}

// addDecomposed adds what a character beyond ASCII has in it of letters, digits and dots.
func (a *accents) addDecomposed(decomposition []byte, behind marks) {
	for len(decomposition) > 0 {
		r, size := utf8.DecodeLastRune(decomposition)
		character := decomposition[len(decomposition)-size:]
		decomposition = decomposition[:len(decomposition)-size]
		switch {
		case r >= utf8.RuneSelf:
			behind.put(r, norm.NFD.Properties(character))
			continue
		case r == '.' || isAlphanumeric(character[0]):
			a.add(character[0], &behind)
		}
		behind = marks{}
	}
}

// holdsKept reports whether anything of a decomposition is kept.
func holdsKept(decomposition []byte) bool {
	return slices.ContainsFunc(decomposition, func(c byte) bool { return c == '.' || isAlphanumeric(c) })
}

// marks are the marks behind a letter: of each place around it the nearest, which is the one
// that the letter may become one character with (Unicode, section 3.11).
type marks [len(markPlaces)]rune

// markPlaces are the canonical combining classes of marks that letters of ASCII become one
// character with: attached below, attached above right, below, above.
var markPlaces = [...]uint8{202, 216, 220, 230}

// put puts a character beyond ASCII before the marks. properties are those in NFD.
func (m *marks) put(r rune, properties norm.Properties) {
	class := properties.CCC()
	if class == 0 {
		*m = marks{} // it stands between
		return
	}
	if decomposition := properties.Decomposition(); decomposition != nil {
		r, _ = utf8.DecodeRune(decomposition) // some are another mark, or two of one place
	}
	for i, place := range markPlaces {
		if class == place {
			m[i] = r
		}
	}
}

// compose reports whether a character becomes another with one of the marks.
func (m *marks) compose(c byte) bool {
	return slices.ContainsFunc(m[:], func(mark rune) bool { return mark != 0 && slices.Contains(composing[c], mark) })
}

// composing are, for each character of ASCII, the marks with which it becomes another.
var composing = func() (with [utf8.RuneSelf][]rune) {
	for r := rune(utf8.RuneSelf); r < 0x1f00; r++ { // letters of Greek follow, whose first is not in ASCII
		parts := []rune(norm.NFD.String(string(r)))
		if len(parts) == 2 && parts[0] < utf8.RuneSelf && norm.NFC.String(string(parts)) == string(r) {
			with[parts[0]] = append(with[parts[0]], parts[1])
		}
	}
	return with
}()

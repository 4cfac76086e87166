// SPDX-License-Identifier: Apache-2.0

package form

// cuttingSigns are the characters at which some server ends a name: the brackets of an
// array, separators of parameters, and NUL, which ends a string in C.
const cuttingSigns = "[];=&,:\x00"

// skippedSigns are the characters at which some server begins a name anew: Rack skips the
// brackets of an array, aiohttp slashes, and Java trims blanks and control characters, of
// which NUL is left here.
const skippedSigns = " []/\x00"

// dropped marks a byte that some server removes from a name: a quote, a backslash, a
// control character, or a byte of a blank beyond ASCII.
const dropped = 0xff

// fold maps a byte of a name to what it is to the most lenient servers.
var fold = func() (fold [256]byte) {
	for c := range fold {
		switch b := byte(c); {
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

// plainFold maps a byte of such a name as fold does, and a dot to an underscore.
var plainFold = func() [256]byte {
	plain := fold
	plain['.'] = '_'
	return plain
}()

// appendLetters appends the ASCII letters, in lower case, and the digits of text, and
// drops all else.
func appendLetters(dst, text []byte) []byte {
	for _, c := range text {
		if isAlphanumeric(c) {
			dst = append(dst, lower(c))
		}
	}
	return dst
}

// equalFoldASCII is strings.EqualFold for ASCII alone: Unicode's folding takes the long
// s (U+017F) for an s, which no server does.
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

// indexFoldASCII returns the index of the first text in s, or -1, without regard to the
// case of ASCII letters. text must be in lower case and begin with a letter.
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

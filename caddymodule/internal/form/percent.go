// SPDX-License-Identifier: Apache-2.0

package form

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Servers agree on %XX. What is no escape, most leave as it is; CherryPy drops its percent
// sign; @fastify/busboy drops it where the text ends in it; and to qs, one such sign leaves
// all of the text as it is, and so do escapes that are not UTF-8. %uXXXX, which no standard
// has, is an escape to ASP and CGI.pm, and none to the others.

// decodings returns text as servers decode it, each reading once. The first is that of most.
func decodings(text []byte) [][]byte {
	all := make([][]byte, 0, 4)
	visitDecodings(string(text), func(decoded string) bool {
		if !slices.ContainsFunc(all, func(other []byte) bool { return string(other) == decoded }) {
			all = append(all, []byte(decoded))
		}
		return true
	})
	return all
}

// visitDecodings calls visit with text as servers decode it, until visit returns false, and
// reports whether it has not. Text without a percent sign costs nothing; of other text, no
// more than three readings are held at a time.
func visitDecodings(text string, visit func(decoded string) bool) bool {
	if strings.IndexByte(text, '%') < 0 { // as nearly always
		return visit(text)
	}
	decoded := Unescape(text)
	if !visit(decoded) {
		return false
	}
	if isSound(text) { // as nearly always
		return true
	}
	last := decoded
	for _, read := range []func(string) string{unescapeUnicode, unescapeAndDrop, unescapeWhole, brackets.Replace, strings.Clone} {
		other := read(text)
		if other != decoded && other != last && !visit(other) {
			return false
		}
		last = other
	}
	return true
}

// isSound reports whether every percent sign begins an escape, and the escapes are UTF-8.
// Then all servers decode the text alike.
func isSound(text string) bool {
	escaped := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '%':
			value, ok := hexadecimal(text[i+1:], 2)
			if !ok {
				return false
			}
			c, i = byte(value), i+2 //nolint:gosec // two digits are a byte
		case c >= utf8.RuneSelf:
			c = 0 // must not complete what is escaped
		}
		escaped = append(escaped, c)
	}
	return utf8.Valid(escaped)
}

// Unescape decodes what a percent sign escapes, and leaves one that escapes nothing, as most
// servers do.
func Unescape(text string) string { return decode(text, false) }

// unescapeUnicode decodes as ASP and CGI.pm do.
func unescapeUnicode(text string) string { return decode(text, true) }

func decode(text string, unicode bool) string {
	decoded := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' {
			if value, ok := hexadecimal(text[i+1:], 2); ok {
				decoded = append(decoded, byte(value)) //nolint:gosec // two digits are a byte
				i += 2
				continue
			}
			if unicode && i+1 < len(text) && text[i+1]|0x20 == 'u' {
				if value, ok := hexadecimal(text[i+2:], 4); ok {
					decoded = utf8.AppendRune(decoded, value)
					i += 5
					continue
				}
			}
		}
		decoded = append(decoded, text[i])
	}
	return string(decoded)
}

// unescapeAndDrop decodes as CherryPy does. To it, one digit is an escape if the text or a
// blank ends there.
func unescapeAndDrop(text string) string {
	first, rest, _ := strings.Cut(text, "%")
	decoded := append(make([]byte, 0, len(text)), first...)
	for atom := range strings.SplitSeq(rest, "%") {
		digits := atom[:min(len(atom), 2)]
		if value, err := strconv.ParseUint(strings.TrimSpace(digits), 16, 8); err == nil {
			decoded, atom = append(decoded, byte(value)), atom[len(digits):]
		}
		decoded = append(decoded, atom...)
	}
	return string(decoded)
}

// unescapeWhole decodes as @fastify/busboy does, which drops an escape that is cut short.
func unescapeWhole(text string) string {
	last := strings.LastIndexByte(text, '%')
	if last == len(text)-1 || last == len(text)-2 && isHexadecimal(text[last+1]) {
		text = text[:last]
	}
	return Unescape(text)
}

// brackets are what newer versions of qs decode if they decode nothing else.
var brackets = strings.NewReplacer("%5B", "[", "%5b", "[", "%5D", "]", "%5d", "]")

// hexadecimal returns the number that the first digits of text are.
func hexadecimal(text string, digits int) (value rune, ok bool) {
	if len(text) < digits {
		return 0, false
	}
	for i := range digits {
		if !isHexadecimal(text[i]) {
			return 0, false
		}
		value = value<<4 | hexadecimalDigit(text[i])
	}
	return value, true
}

func isHexadecimal(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// hexadecimalDigit returns the value of a digit.
func hexadecimalDigit(c byte) rune {
	if c <= '9' {
		return rune(c - '0')
	}
	return rune(c|0x20-'a') + 10
}

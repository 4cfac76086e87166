// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Names that mean something to the Upload API, in lower case.
var (
	credentialNames = []string{"signature", "expire", "uploadcare_signature", "uploadcare_expire"}
	publicKeyNames  = []string{"uploadcare_pub_key", "pub_key"}
)

// is reports whether a parser's users find a parameter of names under name.
func (r *reader) is(name string, names []string) bool {
	if i := strings.IndexByte(name, '['); i > 0 && r.nested && strings.HasSuffix(name, "]") {
		name = name[:i]
	}
	return slices.Contains(names, strings.ToLower(strings.TrimSpace(name)))
}

// innocent are names in which a credential's stands, and which are none.
var innocent = []string{"signature_note", "my signature", "expires", "my_signature"}

// resembles reports whether the gateway may take name for a credential's: more
// than any one parser does, since parsers differ.
func resembles(name string) bool {
	if slices.Contains(innocent, name) {
		return false
	}
	if strings.Contains(name, "=?") || strings.Contains(name, "?B?") { // an encoded word may hold anything
		return true
	}
	letters, unescaped := lettersOf(name), lettersOf(unescape(unescape(name)))
	for _, credential := range []string{"signatur", "ignature", "expir"} { // a bad escape may eat a letter
		if strings.Contains(letters, credential) || strings.Contains(unescaped, credential) {
			return true
		}
	}
	return false
}

// inSevenBits returns text as formidable reads it, which drops the first bit of each byte.
func inSevenBits(text string) string {
	read := []byte(text)
	for i := range read {
		read[i] &= 0x7f
	}
	return string(read)
}

// unescape decodes what is an escape to some server, and leaves the rest.
func unescape(text string) string {
	return escapes.ReplaceAllStringFunc(text, func(escape string) string {
		code, _ := strconv.ParseUint(strings.TrimLeft(escape, `%uU\`), 16, 32) // hexadecimal by the pattern
		return string(rune(code))
	})
}

var escapes = regexp.MustCompile(`(?i)[%\\]?u00[0-9a-f]{2}|%[0-9a-f]{2}`)

func lettersOf(name string) string {
	return strings.Map(func(c rune) rune {
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' {
			return c
		}
		return -1
	}, strings.ToLower(name))
}

// elementIndex is what multer puts behind a name that comes more than once.
var elementIndex = regexp.MustCompile(`\[\d+\]$`)

// isCrossedOut reports whether name is one that the gateway has crossed out.
func isCrossedOut(name string) bool {
	letters := lettersOf(elementIndex.ReplaceAllString(name, ""))
	return letters != "" && strings.Trim(letters, "x") == ""
}

// isStale reports whether a value is that of a client's credential.
func isStale(value string) bool {
	return value == "old" || strings.Contains(value, staleSignature) || strings.Contains(value, staleExpire)
}

// isErased reports whether a value is one that the gateway has crossed out.
func isErased(value string) bool { return len(value) > 2 && isCrosses(value) }

// isCrosses is isErased for any length.
func isCrosses(value string) bool { return strings.Trim(value, "x") == "" }

// distinct returns the values that differ, sorted.
func distinct(values []string) []string {
	slices.Sort(values)
	return slices.Compact(values)
}

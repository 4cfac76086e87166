// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// isASCII reports whether a text means the same in every charset that extends ASCII.
func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
}

// isAlphanumeric is for ASCII alone: letters beyond it are not the same to all servers.
func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// asciiLower is strings.ToLower for ASCII alone: Unicode's takes the Kelvin sign for a k.
func asciiLower(text string) string {
	for i := range len(text) {
		if c := text[i]; 'A' <= c && c <= 'Z' {
			return strings.Map(lowerLetter[rune], text)
		}
	}
	return text // as nearly always; Map is slower
}

func lowerLetter[C byte | rune](c C) C {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// quote returns a client's value for a line in the log, which must not grow with it.
func quote(value string) string {
	const most = 100
	if len(value) > most {
		value = value[:most] + "..."
	}
	return strconv.Quote(value)
}

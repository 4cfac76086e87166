// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
	"unicode"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
)

// maxExtension is the length of the longest extension. What is longer is part of a name.
const maxExtension = 10

// fileExtensions calls found with each extension that some server could read in the name
// of a file, in lower case and without its dot. The name may be in any charset; some
// clients send Shift JIS, or ISO 2022, which has control characters. In all charsets that
// extend ASCII, a dot with letters behind it is just that.
func fileExtensions(name string, found func(string)) {
	if extension, isPlain := plainExtension(name); isPlain {
		if extension != "" {
			found(extension)
		}
		return
	}
	readControls(name, found)
	// Some servers decode names, others none, or none with a percent sign that escapes nothing.
	if decoded := form.Unescape(name); decoded != name {
		readControls(decoded, found)
	}
}

// plainExtension returns the extension of a name in which every server reads the same, as
// in nearly all names, or "". It spares them what is done for the others.
func plainExtension(name string) (extension string, isPlain bool) {
	if name == "" || !isAlphanumeric(name[len(name)-1]) {
		return "", false
	}
	dot := -1
	for i := range len(name) {
		switch c := name[i]; {
		case c < ' ' || c > '~' || c == '%' || c == '$' || c == '/' || c == '\\':
			return "", false
		case c == '.':
			dot = i
		}
	}
	if dot < 0 {
		return "", true
	}
	suffix := name[dot+1:]
	if isExtension(suffix) {
		return asciiLower(suffix), true
	}
	for i := range len(suffix) {
		if !isAlphanumeric(suffix[i]) {
			return "", false
		}
	}
	return "", true
}

// readControls reads a name as it is, up to the first control character, as C does with
// NUL, and without such characters; and up to what names a stream of the file to Windows.
func readControls(name string, found func(string)) {
	if file, _, isStream := strings.Cut(name, "::$"); isStream {
		readControls(file, found)
	}
	readEndings(name, found)
	if control := strings.IndexFunc(name, unicode.IsControl); control >= 0 {
		readEndings(name[:control], found)
		readEndings(strings.Map(dropControl, name), found)
	}
}

func dropControl(r rune) rune {
	if unicode.IsControl(r) {
		return -1
	}
	return r
}

// isExtension reports whether what follows the last dot of a name is an extension: a
// number is not, as in `Report 3.12`, nor is the end of a sentence.
func isExtension(suffix string) bool {
	if suffix == "" || len(suffix) > maxExtension {
		return false
	}
	letter := false
	for i := range len(suffix) {
		c := suffix[i]
		if !isAlphanumeric(c) {
			return false
		}
		letter = letter || c > '9'
	}
	return letter
}

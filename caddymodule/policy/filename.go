// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
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
	if strings.Contains(name, "%") {
		// If a percent sign escapes nothing, servers leave the name as it is.
		if decoded, err := url.PathUnescape(name); err == nil && decoded != name {
			readControls(decoded, found)
		}
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
		case c < ' ' || c > '~' || c == '%' || c == '/' || c == '\\':
			return "", false
		case c == '.':
			dot = i
		}
	}
	if dot < 0 || !isExtension(name[dot+1:]) {
		return "", true
	}
	return asciiLower(name[dot+1:]), true
}

// readControls reads a name as it is, up to the first control character, as C does with
// NUL, and without such characters.
func readControls(name string, found func(string)) {
	readExtension(name, found)
	if control := strings.IndexFunc(name, unicode.IsControl); control >= 0 {
		readExtension(name[:control], found)
		readExtension(strings.Map(dropControl, name), found)
	}
}

func dropControl(r rune) rune {
	if unicode.IsControl(r) {
		return -1
	}
	return r
}

// readExtension calls found with the extension of a name, if it has one. Systems drop
// dots and blanks at the end of a name.
func readExtension(name string, found func(string)) {
	name = strings.TrimRightFunc(name, func(r rune) bool { return r == '.' || r == '/' || r == '\\' || unicode.IsSpace(r) })
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return
	}
	suffix := name[dot+1:]
	if isExtension(suffix) {
		found(asciiLower(suffix))
		return
	}
	// The service keeps of a name what is ASCII. A sign beyond it, such as a blank of no
	// width, must not hide an extension.
	if len(suffix) <= 64 && !isASCII(suffix) {
		kept := asciiLower(strings.Map(keepAlphanumeric, norm.NFKD.String(suffix)))
		if _, known := extensionTypes[kept]; known {
			found(kept)
		}
	}
}

func keepAlphanumeric(r rune) rune {
	if r >= utf8.RuneSelf || !isAlphanumeric(byte(r&0x7f)) {
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

// SPDX-License-Identifier: Apache-2.0

package form

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// fieldCharset is the name of a field whose value is the charset of the others (RFC 7578,
// section 4.6). aiohttp decodes them by it.
const fieldCharset = "_charset_"

var charsetNames = NewNames(fieldCharset)

// maxCharset is how many letters and digits of such a value matter: no charset has as many.
const maxCharset = 64

// appendCharset appends the letters and digits of a charset, which are all that Python goes
// by, until it has more than any charset.
func appendCharset(charset, content []byte) []byte {
	for _, c := range content {
		if len(charset) > maxCharset {
			break
		}
		if isAlphanumeric(c) {
			charset = append(charset, c)
		}
	}
	return charset
}

// checkCharset returns ErrCharset if values in the charset of a form's field could be others
// in ASCII, and the error of Foreign if they could be others beyond it.
func (e *Editor) checkCharset(charset []byte) error {
	switch {
	case len(charset) <= maxCharset && hidesASCII(string(charset)):
		return fmt.Errorf("%w: %q", ErrCharset, charset)
	case e.edit.Foreign != nil && isForeign(string(charset)):
		return e.edit.Foreign()
	}
	return nil
}

// isForeign reports whether a charset is another than UTF-8. None is not; a spelling that only
// some servers know is, for to others it may mean Latin-1.
func isForeign(charset string) bool {
	charset = strings.TrimSpace(charset)
	return charset != "" && !equalFoldASCII(charset, "utf-8") && !equalFoldASCII(charset, "utf8")
}

func isBeyondASCII[T string | []byte](text T) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

var errForeign = errors.New("a charset other than UTF-8")

// HasForeignCharset reports whether a query string or urlencoded body has a field that names
// a charset other than UTF-8 for the values.
func HasForeignCharset(params string) bool {
	return WatchQuery(params, charsetNames, func(_, charset string) error {
		if isForeign(charset) {
			return errForeign
		}
		return nil
	}) != nil
}

// IsPlain reports whether a value is the same in UTF-8 and in every charset that does not
// hide ASCII. Variants of Shift JIS have other signs for a backslash and a tilde.
func IsPlain(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r >= utf8.RuneSelf || r == '\\' || r == '~' })
}

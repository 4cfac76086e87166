// SPDX-License-Identifier: Apache-2.0

package form

import (
	"net/url"
	"strings"
)

// Field is a form field to add. Its name may not contain a quote, and neither of them a
// control character or, by [HoldsDelimiter], a delimiter of the form: nothing is escaped,
// for servers differ in escapes. That is for the program to see to where a value comes
// from a client.
type Field struct {
	Name, Value string
}

// HoldsDelimiter reports whether some server could find a delimiter of the form in a
// value. A client chooses the boundary, and may choose one that a value contains.
func HoldsDelimiter(boundary, value string) bool {
	if !strings.Contains(value, "--") { // as nearly always, and cheaper than the rest
		return false
	}
	return strings.Contains(value, string(dashes)+cutBoundary(boundary))
}

// EscapeParam returns field as a parameter of a query string or urlencoded body, with a
// blank as %20: unlike a plus sign, all servers decode it.
func EscapeParam(field Field) string {
	return escapeParam(field.Name) + "=" + escapeParam(field.Value)
}

func escapeParam(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

const (
	fieldBeforeName  = "\r\nContent-Disposition: form-data; name=\""
	fieldBeforeValue = "\"\r\n\r\n"
)

// EncodedLength returns how many bytes a field with the given name and a value of
// valueLength bytes adds to a form with the given boundary.
func EncodedLength(boundary, name string, valueLength int) int {
	return len(dashes) + len(boundary) + len(fieldBeforeName) + len(name) + len(fieldBeforeValue) + valueLength + len(crlf)
}

// appendField appends field as a part, from its delimiter without the CRLF before it
// to the CRLF before the next delimiter.
func appendField(dst, dashBoundary []byte, field Field) []byte {
	dst = append(dst, dashBoundary...)
	dst = append(dst, fieldBeforeName...)
	dst = append(dst, field.Name...)
	dst = append(dst, fieldBeforeValue...)
	dst = append(dst, field.Value...)
	return append(dst, crlf...)
}

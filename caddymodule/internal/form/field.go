// SPDX-License-Identifier: Apache-2.0

package form

// Field is a form field to add. Neither name nor value may contain CR, LF or a quote:
// nothing is escaped, for servers differ in escapes. Both come from the program, not
// from a client.
type Field struct {
	Name, Value string
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

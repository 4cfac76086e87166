// SPDX-License-Identifier: Apache-2.0

package form

// Field is a form field to put in. Neither name nor value may hold CR, LF or
// a quote; both come from the program, not from a client.
type Field struct {
	Name, Value string
}

const (
	fieldBeforeName  = "\r\nContent-Disposition: form-data; name=\""
	fieldBeforeValue = "\"\r\n\r\n"
)

// EncodedLength returns how many bytes a field adds to a form with the given
// boundary, when its value has valueLength bytes.
func EncodedLength(boundary, name string, valueLength int) int {
	return len(dashes) + len(boundary) + len(fieldBeforeName) + len(name) + len(fieldBeforeValue) + valueLength + len(crlf)
}

// appendField appends field as a part, from its delimiter (less the CRLF
// before it) to the CRLF before the next one.
func appendField(dst, dashBoundary []byte, field Field) []byte {
	dst = append(dst, dashBoundary...)
	dst = append(dst, fieldBeforeName...)
	dst = append(dst, field.Name...)
	dst = append(dst, fieldBeforeValue...)
	dst = append(dst, field.Value...)
	return append(dst, crlf...)
}

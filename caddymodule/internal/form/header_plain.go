// SPDX-License-Identifier: Apache-2.0

package form

import "bytes"

// The texts of a part's header as nearly all clients write it.
var (
	plainStart     = []byte(`Content-Disposition: form-data; name="`)
	plainFileStart = []byte(`"; filename="`)
	plainTypeStart = []byte("\r\nContent-Type: ")
	plainNameStart = len(plainStart) - len("Content-Disposition:") // within the value
)

// plain has for each byte in which texts of such a header it means the same to every
// server: in a name, in a file name, in a Content-Type. Bytes above ASCII are letters of
// a file name to all of them.
var plain = func() (plain [256]struct{ name, file, contentType bool }) {
	for c := range plain {
		letter := isAlphanumeric(byte(c))
		plain[c].name = letter || c == '_' || c == '-' || c == '.'
		plain[c].file = plain[c].name || c == ' ' || c == '(' || c == ')' || c > 0x7f
		plain[c].contentType = letter || c == '/' || c == '+' || c == '-' || c == '.'
	}
	return plain
}()

// parsePlainHeader parses a header as nearly all clients write it, at a fraction of
// parseAnyHeader's cost. It reports false for all others, and must never see less in a
// header than parseAnyHeader does: a test compares the two.
func parsePlainHeader(header []byte) (p part, ok bool) {
	rest, ok := bytes.CutPrefix(header, plainStart)
	if !ok {
		return part{}, false
	}
	nameLength := 0
	for nameLength < len(rest) && plain[rest[nameLength]].name {
		nameLength++
	}
	if nameLength == 0 { // some servers take another name then
		return part{}, false
	}
	p.name, p.nameStart, p.nameIsFound, p.nameIsFirst = rest[:nameLength], plainNameStart, true, true
	rest = rest[nameLength:]
	if after, isFile := bytes.CutPrefix(rest, plainFileStart); isFile {
		rest = after
		for len(rest) > 0 && plain[rest[0]].file {
			rest = rest[1:]
		}
		p.filename = after[:len(after)-len(rest)]
		p.file = len(p.filename) > 0
	}
	if len(rest) == 0 || rest[0] != '"' {
		return part{}, false
	}
	rest = rest[1:]
	p.disposition, p.plain = header[len("Content-Disposition:"):len(header)-len(rest)], true
	if len(rest) == 0 {
		return p, true
	}
	contentType, ok := bytes.CutPrefix(rest, plainTypeStart)
	p.typed = len(contentType) > 0
	if hasU := bytes.IndexByte(contentType, 'u') >= 0 || bytes.IndexByte(contentType, 'U') >= 0; hasU && indexFoldASCII(contentType, "urlencoded") >= 0 {
		return part{}, false
	}
	for _, c := range contentType {
		ok = ok && plain[c].contentType
	}
	return p, ok
}

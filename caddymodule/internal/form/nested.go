// SPDX-License-Identifier: Apache-2.0

package form

import "bytes"

// nested finds the headers of parts within a part: some servers read content of a type
// multipart/* as a form of its own, and assign its fields to the outer form (RFC 2388
// allowed that for several files; RFC 7578, section 4.3, deprecates it). Which boundary
// they find is uncertain, so every line that begins with two dashes counts as a
// delimiter.
type nested struct {
	line   []byte // the beginning of the current line, up to the two bytes that matter
	header []byte // the current header; nil outside of one
}

// next processes the next bytes of the content, and calls check with each header that
// ends in them. It reports whether check returned true for one.
func (n *nested) next(content []byte, check func(header []byte) bool) bool {
	for len(content) > 0 {
		line, rest, ended := bytes.Cut(content, []byte("\n"))
		content = rest
		if room := len(dashes) - len(n.line); room > 0 {
			n.line = append(n.line, line[:min(room, len(line))]...)
		}
		if n.header != nil {
			n.header = append(n.header, line[:min(len(line), MaxPartHeaderSize-len(n.header))]...)
		}
		if !ended {
			return false
		}
		if n.endLine(check) {
			return true
		}
	}
	return false
}

// endLine processes the end of a line.
func (n *nested) endLine(check func([]byte) bool) bool {
	line := n.line
	n.line = n.line[:0]
	switch delimits := bytes.Equal(line, dashes); {
	case delimits || n.header != nil && (len(line) == 0 || string(line) == "\r" || len(n.header) >= MaxPartHeaderSize):
		found := n.end(check)
		if delimits {
			n.header = make([]byte, 0, 256)
		}
		return found
	case n.header != nil:
		n.header = append(n.header, '\n')
	}
	return false
}

// end processes the end of a header, or of the content.
func (n *nested) end(check func([]byte) bool) bool {
	header := n.header
	n.header = nil
	return len(header) > 0 && check(header)
}

// params finds the names of parameters within a part: Python's module cgi parses the
// content of a part of type application/x-www-form-urlencoded, and adds its parameters
// to the form.
type params struct {
	name    []byte // the current name, up to maxParamName bytes
	inValue bool
}

// maxParamName is how many bytes of a name are examined: enough for the longest
// protected name with each character escaped, and for what servers drop.
const maxParamName = 512

// next processes the next bytes of the content, and calls check with each name that ends
// in them. It reports whether check returned true for one.
func (p *params) next(content []byte, check func(name []byte) bool) bool {
	for _, c := range content {
		switch {
		case c == '&' || c == ';' || c == '\n':
			if p.end(check) {
				return true
			}
		case p.inValue:
		case c == '=':
			if p.end(check) {
				return true
			}
			p.inValue = true
		case len(p.name) == maxParamName:
		case c == '+':
			p.name = append(p.name, ' ')
		default:
			p.name = append(p.name, c)
		}
	}
	return false
}

// end processes the end of a name, or of a value.
func (p *params) end(check func([]byte) bool) bool {
	found := !p.inValue && check(p.name)
	p.name, p.inValue = p.name[:0], false
	return found
}

// SPDX-License-Identifier: Apache-2.0

package form

import "bytes"

// nested finds the headers of parts within a part: some servers read content of a type
// multipart/* as a form of its own, and assign its fields to the outer form (RFC 2388
// allowed that for several files; RFC 7578, section 4.3, deprecates it). Which boundary
// they find is uncertain, so every line that begins with two dashes counts as a
// delimiter, and outside of a header every line that has them anywhere: Mojolicious finds
// the first delimiter in the middle of a line, too. Python's module cgi looks for the
// delimiter to the end of the outer form, in the content of the other parts, too.
type nested struct {
	line   []byte  // the beginning of the current line, up to the two bytes that matter
	dash   bool    // the current line ends with a dash so far
	dashed bool    // it has two dashes
	header []byte  // the current header, or the end of a long one; nil outside of one
	long   bool    // the header is larger than MaxPartHeaderSize
	types  bool    // what was not kept of it has the type of a urlencoded body
	params *params // of what follows such a type; nil without one
}

// next processes the next bytes of the content, and calls check with each header that
// ends in them, and checkName with each name of a parameter. It reports whether either
// returned true for one.
func (n *nested) next(content []byte, check, checkName func([]byte) bool) bool {
	for len(content) > 0 {
		line, rest, ended := bytes.Cut(content, []byte("\n"))
		if n.params != nil && n.params.next(content[:len(content)-len(rest)], checkName) {
			return true
		}
		content = rest
		if room := len(dashes) - len(n.line); room > 0 {
			n.line = append(n.line, line[:min(room, len(line))]...)
		}
		if len(line) > 0 {
			n.dashed = n.dashed || n.dash && line[0] == dashes[0] || bytes.Contains(line, dashes)
			n.dash = line[len(line)-1] == dashes[0]
		}
		if n.header != nil && n.grow(line) {
			return true
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

// grow appends to the current header. It reports whether the header is one of a form, and
// too large to be checked: then some server may read what was not kept of it.
func (n *nested) grow(line []byte) bool {
	for {
		room := min(len(line), MaxPartHeaderSize-len(n.header))
		n.header, line = append(n.header, line[:room]...), line[room:]
		if len(line) == 0 {
			return false
		}
		if isOfForm(n.header) {
			return true
		}
		n.long, n.types = true, n.types || isURLEncoded(n.header)
		n.header = append(n.header[:0], n.header[len(n.header)-restTail:]...)
	}
}

// endLine processes the end of a line.
func (n *nested) endLine(check func([]byte) bool) bool {
	line, dashed := n.line, n.dashed
	n.line, n.dash, n.dashed = n.line[:0], false, false
	switch delimits := bytes.Equal(line, dashes) || dashed && n.header == nil; {
	case delimits || n.header != nil && (len(line) == 0 || string(line) == "\r"):
		found := n.end(check)
		if delimits {
			n.header = make([]byte, 0, 256)
		}
		return found
	case n.header != nil:
		return n.grow([]byte("\n"))
	}
	return false
}

// endContent processes the end of a part's content, and returns the state of what follows
// if that is urlencoded to some servers.
func (n *nested) endContent(check func([]byte) bool) (found bool, following *params) {
	found = n.end(check)
	following, n.params = n.params, nil
	n.line, n.dash, n.dashed = n.line[:0], false, false
	return found, following
}

// end processes the end of a header, or of the content.
func (n *nested) end(check func([]byte) bool) bool {
	header, long := n.header, n.long
	if n.params == nil && (n.types || isURLEncoded(header)) {
		n.params = new(params)
	}
	n.header, n.long, n.types = nil, false, false
	if long {
		return isOfForm(header)
	}
	return len(header) > 0 && check(header)
}

// isURLEncoded reports whether a text may say that the content is a urlencoded body.
func isURLEncoded(text []byte) bool { return indexFoldASCII(text, "urlencoded") >= 0 }

// params finds the names of parameters in a form from a part of the type
// application/x-www-form-urlencoded on: Python's module cgi parses its content, and all
// that follows, and adds the parameters to the form.
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

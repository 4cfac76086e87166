// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"regexp"
)

// parameter is one of a Content-Disposition (RFC 7578, section 4.2). Its slices
// are of that value.
type parameter struct {
	all   []byte // up to the semicolon that ends it
	key   []byte // nil if there is no "="
	value []byte // without quotes
	start int    // of the value
	tail  []byte // of all that follows, from where the value may go on or end
	clean bool   // all servers see this value
}

// readDisposition reads a Content-Disposition as most servers do. Browsers write
// a backslash as it is, others escape with it: it is taken for one that stands
// there.
func (p *part) readDisposition(value []byte) {
	first := true
	for rest := value; len(rest) > 0; first = false {
		var next parameter
		all := rest
		next, rest = cutParameter(rest)
		switch key := next.key; {
		case key == nil:
			kind := bytes.Trim(next.all, " \t")
			if first && !isToken(kind) || !first && len(bytes.TrimSpace(kind)) > 0 {
				p.doubtRest(all)
			}
		case equalFoldASCII(key, "name"):
			p.readName(next, all, len(value)-len(all))
		case equalFoldASCII(key, "filename"):
			p.readFileName(next)
		case extendedFileName.Match(key):
			p.file = true
			if !next.clean {
				p.doubtRest(all)
			}
		case !next.clean, !isToken(key), bytes.Contains(appendLetters(nil, key), nameLetters):
			p.doubtRest(all)
		case !p.restDoubted && !isToken(next.value):
			p.doubt(next.value)
		}
	}
}

// extendedFileName is the key of a file name in another charset (RFC 8187), or of
// a piece of one (RFC 2231).
var extendedFileName = regexp.MustCompile(`^(?i:filename)\*(?:\d+\*?)?$`)

func (p *part) readName(parameter parameter, all []byte, offset int) {
	if p.name != nil || !parameter.clean {
		p.doubtRest(all)
	}
	if p.name == nil {
		p.name, p.nameStart = parameter.value, offset+parameter.start
		p.nameIsFound = p.filename == nil && string(parameter.key) == "name"
	}
}

// readFileName reads a file name, which need not be understood: what counts is
// what stands behind where it may end.
func (p *part) readFileName(parameter parameter) {
	p.file = p.file || len(parameter.value) > 0
	if p.filename == nil {
		p.filename = parameter.value
	}
	if !parameter.clean {
		p.doubtRest(parameter.tail)
	}
}

// cutParameter cuts the first parameter off of a value.
func cutParameter(s []byte) (parameter, []byte) {
	all, rest, _ := bytes.Cut(s, semicolonSign)
	equals := bytes.IndexByte(all, '=')
	if equals < 0 {
		return parameter{all: all, clean: true}, rest
	}
	start := equals + 1
	for start < len(s) && isBlank(s[start]) {
		start++
	}
	p := parameter{key: bytes.Trim(s[:equals], " \t\r\n"), start: start}
	if start < len(s) && s[start] == '"' {
		p.start++
		if rest, ok := p.cutQuoted(s); ok {
			return p, rest
		}
	}
	value, rest, _ := bytes.Cut(s[p.start:], semicolonSign)
	p.value = bytes.TrimRight(value, " \t\r\n")
	bare := p.value
	if len(bare) > 1 && bare[0] == '\'' && bare[len(bare)-1] == '\'' { // some servers take them for quotes
		bare = bare[1 : len(bare)-1]
	}
	p.clean = p.start == start && (len(bare) == 0 || isToken(bare) && bare[0] != '\'')
	p.tail = s[p.start:]
	return p, rest
}

// cutQuoted cuts a quoted value that ends off of s. What stands between the quote
// and the semicolon is passed over: clients that do not escape leave the rest of
// a file name there.
func (p *parameter) cutQuoted(s []byte) (rest []byte, ok bool) {
	length := bytes.IndexByte(s[p.start:], '"')
	if length < 0 {
		return nil, false
	}
	p.value = s[p.start : p.start+length]
	p.tail = s[p.start+length+1:]
	behind, rest, _ := bytes.Cut(p.tail, semicolonSign)
	p.clean = !bytes.HasSuffix(p.value, backslash) && !holdsLineEnd(p.value) && len(bytes.TrimSpace(behind)) == 0
	if holdsLineEnd(p.value) { // a line that is not continued for some
		p.tail = s[p.start:]
	}
	return rest, true
}

var (
	semicolonSign = []byte(";")
	backslash     = []byte(`\`)
)

// holdsLineEnd reports whether there is a CR or a LF in value.
func holdsLineEnd(value []byte) bool {
	return bytes.IndexByte(value, '\r') >= 0 || bytes.IndexByte(value, '\n') >= 0
}

// isBlank also takes CR and LF, which stand in a folded header.
func isBlank(c byte) bool {
	return c == ' ' || c == '\t' || c == '\r' || c == '\n'
}

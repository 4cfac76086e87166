// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"regexp"
)

// parameter is a parameter of a Content-Disposition (RFC 7578, section 4.2). Its slices
// share the memory of that header.
type parameter struct {
	all    []byte // up to the first semicolon
	key    []byte // nil if there is none before an "=", or no "="
	value  []byte // without quotes
	start  int    // the offset of the value
	tail   []byte // the rest of the disposition from where some server could end the value
	clean  bool   // all servers read this value
	quoted bool   // it is in quotes
	exact  bool   // nothing stands around the key and its equals sign but blanks before
}

// readDisposition reads a Content-Disposition as most servers do. It treats a backslash
// as an ordinary character: browsers write it unescaped, other clients escape with it,
// and what servers read behind it is then in doubt.
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
			p.readFileName(next, all)
		case extendedFileName.Match(key):
			p.file = true
			p.fileNames = append(p.fileNames, next.value)
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

// extendedFileName matches the key of a file name in another charset (RFC 8187), or of
// a piece of one (RFC 2231).
var extendedFileName = regexp.MustCompile(`^(?i:filename)\*(?:\d+\*?)?$`)

// readName reads a parameter `name`. Servers take the first or the last of several.
func (p *part) readName(parameter parameter, all []byte, offset int) {
	if p.name != nil || !parameter.clean {
		p.doubtRest(all)
	}
	if p.name == nil {
		p.name, p.nameStart = parameter.value, offset+parameter.start
		p.nameIsFound = p.filename == nil && !p.blankColon && offset > 0 && parameter.exact && parameter.clean && len(parameter.value) > 0 &&
			string(parameter.key) == "name" && bytes.IndexByte(p.disposition[:p.nameStart], ':') < 0 // as Rack finds it
		p.nameIsFirst = p.nameIsFound && len(p.fileNames) == 0 && parameter.quoted && all[0] == ' '
	}
}

// readFileName reads a file name. The name itself does not matter: what does is whether
// some server could end it earlier, and read a parameter `name` in the rest.
func (p *part) readFileName(parameter parameter, all []byte) {
	p.file = p.file || len(parameter.value) > 0
	if p.filename == nil {
		p.filename = parameter.value
	} else {
		p.fileNames = append(p.fileNames, parameter.value)
	}
	switch {
	case parameter.clean:
	case p.nameIsFirst:
		p.doubtRest(parameter.tail)
	default: // to some servers, a name in quotes that begins in it is the first one
		p.doubtRest(all[parameter.start:])
	}
}

// cutParameter splits the first parameter off a value.
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
	p := parameter{all: all, key: bytes.Trim(s[:equals], " \t\r\n"), start: start}
	p.exact = start == equals+1 && bytes.HasSuffix(s[:equals], p.key)
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

// cutQuoted splits a quoted value off s. It reports false if the quote does not end.
// What stands between the closing quote and the semicolon is skipped: clients that do
// not escape quotes in a file name leave the rest of it there.
func (p *parameter) cutQuoted(s []byte) (rest []byte, ok bool) {
	length := bytes.IndexByte(s[p.start:], '"')
	if length < 0 {
		return nil, false
	}
	p.value, p.quoted = s[p.start:p.start+length], true
	p.tail = s[p.start+length+1:]
	behind, rest, _ := bytes.Cut(p.tail, semicolonSign)
	p.clean = !bytes.HasSuffix(p.value, backslash) && !holdsLineEnd(p.value) && len(bytes.TrimSpace(behind)) == 0
	if holdsLineEnd(p.value) { // to some servers, the line and the value end there
		p.tail = s[p.start:]
	}
	return rest, true
}

var (
	semicolonSign = []byte(";")
	backslash     = []byte(`\`)
)

// holdsLineEnd reports whether value contains a CR or a LF.
func holdsLineEnd(value []byte) bool {
	return bytes.IndexByte(value, '\r') >= 0 || bytes.IndexByte(value, '\n') >= 0
}

// isBlank reports whether c is white space, including the line ends of a folded header.
func isBlank(c byte) bool {
	return c == ' ' || c == '\t' || c == '\r' || c == '\n'
}

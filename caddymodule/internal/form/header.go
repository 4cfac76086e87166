// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"fmt"
	"mime"
	"regexp"
	"slices"
)

// part is what the header of a part says of it.
type part struct {
	disposition
	name    []byte // within the header
	value   []byte // of the Content-Disposition line, within the header
	encoded bool   // the content has a transfer encoding
	plain   bool   // it is as nearly all clients write it
}

var (
	colonSign         = []byte(":")
	encodedWord       = []byte("=?") // RFC 2047
	dispositionName   = "content-disposition"
	dispositionLine   = regexp.MustCompile(`(?i)content-disposition[ \t]*:`)
	transferEncoding  = "content-transfer-encoding"
	identityEncodings = NewNames("7bit", "8bit", "binary") // RFC 2045, section 6.1
)

// parseHeader reads the header of a part, without the empty line that ends it.
// It refuses whatever lets servers disagree on where a line ends, or on which
// line says what the part is.
func parseHeader(header []byte) (part, error) {
	if p, ok := parsePlainHeader(header); ok {
		return p, nil
	}
	return parseAnyHeader(header)
}

func parseAnyHeader(header []byte) (part, error) {
	var p part
	inDisposition, found := false, false
	for rest, lines := header, 0; len(rest) > 0; lines++ {
		if lines == MaxPartHeaderLines {
			return part{}, fmt.Errorf("%w: more than %d lines", ErrHeaderTooLarge, MaxPartHeaderLines)
		}
		var line []byte
		line, rest, _ = bytes.Cut(rest, crlf)
		if slices.ContainsFunc(line, func(c byte) bool { return isControl(rune(c)) }) {
			return part{}, fmt.Errorf("%w: a control character", ErrMalformedHeader)
		}
		if lines > 0 && len(line) > 0 && isBlank(line[0]) { // folded
			if inDisposition {
				p.value = p.value[:len(p.value)+len(crlf)+len(line)]
			}
			continue
		}
		name, value, colon := bytes.Cut(line, colonSign)
		if !colon || !isToken(name) {
			return part{}, fmt.Errorf("%w: a line without a name", ErrMalformedHeader)
		}
		inDisposition = equalFoldASCII(name, dispositionName)
		if inDisposition {
			p.value, found = value, true
		}
		if equalFoldASCII(name, transferEncoding) && !identityEncodings.has(value) {
			p.encoded = true
		}
	}
	// RFC 7578, section 4.2. A second one may stand where only some servers
	// see it, such as in a folded line.
	if !found || countFold(header, dispositionName) != 1 && len(dispositionLine.FindAllIndex(header, 2)) != 1 {
		return part{}, fmt.Errorf("%w: not one Content-Disposition line", ErrMalformedHeader)
	}
	var err error
	if p.disposition, err = parseDisposition(p.value); err != nil {
		return part{}, err
	}
	p.name = p.value[p.nameStart:p.nameEnd]
	if !p.named {
		return part{}, fmt.Errorf("%w: it has no name", ErrMalformedHeader)
	}
	return p, nil
}

// isControl reports whether a byte of a line is one that belongs in none.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// plainFileDisposition is one in which all servers read the same: what
// browsers and libraries write, without a blank or a parameter too many.
var plainFileDisposition = regexp.MustCompile(`^[ \t]*(?i:form-data);[ \t]*name=(?:"[^"\\]*"|[\w.~-]+);[ \t]*filename="[^"]*[^"\\]"$`)

// errDoubtful is made once: it is not for a hot path to word it.
var errDoubtful = fmt.Errorf("%w: some servers may take the part for a credential", ErrMalformedHeader)

// nameKey finds what some server may take for the name's key, within quotes
// too; but not where it is the end of another key, as in filename.
var nameKey = regexp.MustCompile(`(?i)(?:^|[^a-z0-9_-])name["' \t\r\n]*\*?["' \t\r\n]*=`)

// checkName refuses a part that some server may take for one of stale, after
// those that all servers take for one have been crossed out. So it does not
// matter how a server takes an odd header apart: it finds no credential in it.
func (p *part) checkName(stale Names) error {
	if stale.resemble(p.name) {
		if !plainFileDisposition.Match(p.value) {
			return errDoubtful
		}
		return nil
	}
	if p.plain {
		return nil
	}
	if bytes.Contains(p.name, encodedWord) {
		decoded, err := new(mime.WordDecoder).DecodeHeader(string(p.name))
		if err != nil || stale.resemble([]byte(decoded)) {
			return errDoubtful
		}
	}
	if p.endsPlainly() && countFold(p.value, "name") == p.keys {
		return nil // as almost always: there is no other key to be found
	}
	for _, key := range nameKey.FindAllIndex(p.value, -1) {
		after := p.value[key[1]:]
		known := key[1] <= p.nameStart && p.nameStart <= key[1]+1 // the name's own key
		if known && p.endsPlainly() {
			continue
		}
		if stale.beginIn(after) {
			return errDoubtful
		}
	}
	return nil
}

// countFold counts substring, which is in lower case and begins with a letter,
// in any case of letters.
func countFold(text []byte, substring string) (count int) {
	first := substring[0]
	for i, c := range text[:max(0, len(text)-len(substring)+1)] {
		if c|0x20 == first && equalFoldASCII(text[i:i+len(substring)], substring) {
			count++
		}
	}
	return count
}

// endsPlainly reports whether nothing but blanks stands between the name and the
// next parameter, and an unquoted name is a token, so that servers do not
// disagree on where it ends.
func (p *part) endsPlainly() bool {
	rest := p.value[p.nameEnd:]
	if p.nameStart > 0 && p.value[p.nameStart-1] == '"' {
		rest = bytes.TrimPrefix(rest, []byte(`"`))
	} else if !isToken(p.name) {
		return false
	}
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return len(rest) == 0 || rest[0] == ';'
}

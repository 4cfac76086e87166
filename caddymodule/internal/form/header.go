// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"fmt"
	"regexp"
)

// part is what the header of a part says of it.
type part struct {
	disposition
	name    []byte // within the header
	value   []byte // of the Content-Disposition line, within the header
	encoded bool   // the content has a transfer encoding
}

var (
	colonSign         = []byte(":")
	encodedWord       = []byte("=?") // RFC 2047
	dispositionName   = "content-disposition"
	transferEncoding  = "content-transfer-encoding"
	contentTypeName   = "content-type"
	identityEncodings = NewNames("7bit", "8bit", "binary") // RFC 2045, section 6.1
)

// parseHeader reads the header of a part, without the empty line that ends it.
// It refuses whatever lets servers disagree on where a line ends, or on which
// line says what the part is.
func parseHeader(header []byte) (part, error) {
	var p part
	inDisposition, found := false, false
	for rest, lines := header, 0; len(rest) > 0; lines++ {
		if lines == MaxPartHeaderLines {
			return part{}, fmt.Errorf("%w: more than %d lines", ErrHeaderTooLarge, MaxPartHeaderLines)
		}
		var line []byte
		line, rest, _ = bytes.Cut(rest, crlf)
		if bytes.ContainsFunc(line, isControl) {
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
	if count := bytes.Count(bytes.ToLower(header), []byte(dispositionName)); !found || count != 1 {
		return part{}, fmt.Errorf("%w: %d Content-Disposition lines", ErrMalformedHeader, count)
	}
	var err error
	if p.disposition, err = parseDisposition(p.value); err != nil {
		return part{}, err
	}
	p.name = p.value[p.nameStart:p.nameEnd]
	switch {
	case !p.named:
		return part{}, fmt.Errorf("%w: it has no name", ErrMalformedHeader)
	case bytes.Contains(p.name, encodedWord):
		return part{}, fmt.Errorf("%w: an encoded name", ErrMalformedHeader)
	}
	return p, nil
}

// isControl reports whether a byte of a line is one that belongs in none.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// plainDisposition is the form in which all servers read the same: what
// browsers and libraries write, without a blank or a parameter too many.
var plainDisposition = regexp.MustCompile(`^[ \t]*(?i:form-data);[ \t]*` +
	`name=(?:"[^"]*"|[\w!#$%&'*+.^` + "`" + `|~-]+)` +
	`(?:;[ \t]*filename=("[^"]+"|[\w!#$%&'*+.^` + "`" + `|~-]+))?` +
	`(;[ \t]*filename\*=[\w!#$%&'*+.^` + "`" + `|~-]+)?[ \t]*$`)

// checkMentions refuses a header in which a stale name is left, after a stale
// field has been crossed out, unless all servers agree that it is not the
// part's name. So it does not matter how a server takes odd headers apart: it
// will find no credential in them.
func (p *part) checkMentions(header []byte, stale Names) error {
	if !stale.mentionedIn(header) && !stale.resemble(p.name) {
		return nil
	}
	doubtful := fmt.Errorf("%w: some servers may take the part for a credential", ErrMalformedHeader)
	match := plainDisposition.FindSubmatchIndex(p.value)
	if match == nil {
		return doubtful
	}
	hasFile, hasExtended := match[2] >= 0, match[4] >= 0
	if stale.resemble(p.name) && (!hasFile || hasExtended) {
		return doubtful
	}
	for i, text := range bytes.Split(p.value, []byte(`"`)) {
		// Some look for parameters within quotes, or for escapes.
		_, after, semicolon := bytes.Cut(text, []byte(";"))
		if i%2 == 1 && (semicolon && bytes.IndexByte(after, '=') >= 0 || bytes.HasSuffix(text, []byte(`\`))) {
			return doubtful
		}
	}
	for line := range bytes.SplitSeq(header, crlf) {
		name, _, _ := bytes.Cut(line, colonSign)
		if !equalFoldASCII(name, dispositionName) && !equalFoldASCII(name, contentTypeName) && stale.mentionedIn(line) {
			return doubtful
		}
	}
	return nil
}

// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"regexp"
)

// part is what the header of a part says of it. Its slices are of the header.
type part struct {
	name        []byte // of the field; nil if there is none
	nameStart   int    // where it stands in the disposition
	nameIsFound bool   // also by servers that look for the first "name="
	filename    []byte // as it stands there; nil if there is none
	file        bool   // there is a file name that is not empty
	plain       bool   // it is as nearly all clients write it

	disposition []byte // the value of the Content-Disposition line
	repeated    []byte // that of a second one, which is equal
	typed       bool   // there is a Content-Type
	multipart   bool   // which says that the content is a form of its own
	params      bool   // or urlencoded
	encoded     bool   // the content may be other text to a server
	quoted      bool   // it has quoted-printable's escapes, if it has any

	colonless   bool // there is a line without a colon
	bareLineEnd bool // for some servers the header may end earlier

	otherDoubted bool // there is another disposition, and so all of this one is in doubt
	restDoubted  bool // of the disposition, up to its end

	// doubts are what servers may read in another way.
	doubts [][]byte
}

const (
	dispositionName = "content-disposition"
	contentTypeName = "content-type"
	encodingName    = "content-transfer-encoding"
)

// parseHeader reads the header of a part, without the empty line that ends it,
// and takes note of all in which servers may read something else.
func parseHeader(header []byte) part {
	if p, ok := parsePlainHeader(header); ok {
		return p
	}
	return parseAnyHeader(header)
}

func parseAnyHeader(header []byte) (p part) {
	for rest := header; len(rest) > 0; {
		var line []byte
		line, rest = cutLine(rest)
		p.readLine(line)
	}
	if p.colonless { // PHP appends a line without a colon to the one before
		p.doubt(bytes.ReplaceAll(header, crlf, nil))
	}
	return p
}

// cutLine cuts the first line off of a header, with the lines that continue it
// (obs-fold, RFC 9112, section 5.2).
func cutLine(header []byte) (line, rest []byte) {
	for end := 0; ; {
		i := bytes.Index(header[end:], crlf)
		if i < 0 {
			return header, nil
		}
		end += i
		if next := header[end+len(crlf):]; len(next) == 0 || next[0] != ' ' && next[0] != '\t' {
			return header[:end], next
		}
		end += len(crlf)
	}
}

func (p *part) doubt(text []byte) { p.doubts = append(p.doubts, text) }

// doubtRest doubts all of the disposition from somewhere on. What is in doubt
// already is not doubted again: a header could hold thousands of reasons.
func (p *part) doubtRest(text []byte) {
	if !p.restDoubted {
		p.restDoubted = true
		p.doubt(text)
	}
}

// readLine reads a line, continued or not.
func (p *part) readLine(line []byte) {
	for i, c := range line {
		folded := c == '\r' && bytes.HasPrefix(line[i:], crlf) || c == '\n' && i > 0 && line[i-1] == '\r'
		if isControl(c) && !folded { // where a server may end a line
			p.doubt(line[i:])
			p.bareLineEnd = p.bareLineEnd || holdsLineEnd(line[i:])
			p.readContentType(line[i:]) // there may be one
			break
		}
	}
	name, value, colon := bytes.Cut(line, []byte(":"))
	name = bytes.TrimRight(name, " \t") // for which most servers do not care
	isDisposition := equalFoldASCII(name, dispositionName)
	if !isDisposition && (bytes.Contains(line, crlf) || indexFoldASCII(value, "disposition") >= 0) {
		p.doubt(line) // what continues it is a line of its own to some, and some find a disposition anywhere
	}
	switch {
	case !colon:
		p.colonless = true
	case !isToken(name):
		p.doubt(line)
	case isDisposition:
		p.readDispositionLine(value, line)
	case equalFoldASCII(name, contentTypeName):
		p.typed = p.typed || isMediaType(bytes.TrimSpace(value))
		p.readContentType(value)
	case equalFoldASCII(name, encodingName):
		p.encoded = p.encoded || transferEncoding.Match(value)
		p.quoted = p.quoted || indexFoldASCII(value, "quoted") >= 0
	case bytes.Contains(appendLetters(nil, name), []byte("disposition")):
		p.doubt(line)
	}
}

// readContentType takes note of what a Content-Type makes of the content.
func (p *part) readContentType(value []byte) {
	_, err := parseCharset(string(value))
	p.encoded = p.encoded || err != nil
	p.multipart = p.multipart || indexFoldASCII(value, "multipart") >= 0 && indexFoldASCII(value, "boundary") >= 0
	p.params = p.params || indexFoldASCII(value, "urlencoded") >= 0
}

// isMediaType reports whether a Content-Type has anything but parameters.
func isMediaType(value []byte) bool {
	media, _, _ := bytes.Cut(value, semicolonSign)
	return len(bytes.TrimSpace(media)) > 0
}

func (p *part) readDispositionLine(value, line []byte) {
	switch {
	case p.disposition == nil:
		p.disposition = value
		p.readDisposition(value)
	case bytes.Equal(p.disposition, value) && p.repeated == nil:
		p.repeated = value
	default: // servers take the first or the last
		if !p.otherDoubted {
			p.otherDoubted = true
			p.doubt(p.disposition)
		}
		p.doubt(line)
	}
}

// transferEncoding is one that changes the content (RFC 2045, section 6.1), or
// did so in mail once. Clients write all kinds of words there.
var transferEncoding = regexp.MustCompile(`(?i)base-?64|uu|binhex|yenc|zip|deflate|compress`)

// isControl reports whether a byte of a line is one that belongs in none.
func isControl(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }

// browserFile is the Content-Disposition of a file as browsers and libraries
// write it, in which all servers read the same.
var browserFile = regexp.MustCompile(`^ (?i:form-data); name="[^"\\]*"; filename="(?:[^"]*[/\\])?[^"/\\]*[^"/\\. ][^"/\\]*"$`)

// isBrowserFile reports whether every server sees a file, whatever its name.
// Some take one without a Content-Type, or whose file name is but a path, for a
// field.
func (p *part) isBrowserFile() bool {
	return len(p.doubts) == 0 && p.repeated == nil && p.typed && !p.multipart && !p.params && browserFile.Match(p.disposition)
}

// crossOutName crosses out the name, and those of the lines that say how the
// content is to be read: crossed out, it is neither base64 nor a form.
func (p *part) crossOutName(header []byte) {
	if p.plain {
		crossOut(p.name)
		return
	}
	crossOutLetters(p.name)
	if p.repeated != nil {
		crossOutLetters(p.repeated[p.nameStart : p.nameStart+len(p.name)])
	}
	for rest := header; len(rest) > 0; {
		var line []byte
		line, rest = cutLine(rest)
		if name, _, colon := bytes.Cut(line, []byte(":")); colon && saysHowToRead(bytes.TrimRight(name, " \t"), line) {
			crossOut(name)
		}
	}
}

// crossOutLetters leaves backslashes: the last one may be taken for an escape of
// the quote behind it.
func crossOutLetters(name []byte) {
	for i, c := range name {
		if c != '\\' {
			name[i] = crossedOut
		}
	}
}

// saysHowToRead reports whether a line of that name makes something else of the
// content than the text that it is.
func saysHowToRead(name, line []byte) bool {
	says := func(word string) bool { return indexFoldASCII(line, word) >= 0 }
	return equalFoldASCII(name, encodingName) ||
		equalFoldASCII(name, contentTypeName) && (says("multipart") || says("urlencoded") || says("charset"))
}

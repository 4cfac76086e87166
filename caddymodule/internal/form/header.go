// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"regexp"
)

// part is what the header of a part says. Its slices share the header's memory.
type part struct {
	name        []byte   // of the field; nil if there is none
	nameStart   int      // its offset in the disposition
	nameIsFound bool     // also by servers that take the first "name=", or allow no blanks around the sign
	nameIsFirst bool     // also by servers that need a blank before it, or look for one in quotes first
	filename    []byte   // unchanged; nil if there is none
	fileNames   [][]byte // further ones, with a charset or in pieces, too
	file        bool     // there is a file name that is not empty
	plain       bool     // parsePlainHeader has read it: nothing is in doubt

	disposition []byte // the value of the Content-Disposition line
	repeated    []byte // that of a second, equal line
	typed       bool   // there is a Content-Type
	multipart   bool   // the type says that the content is a form of its own
	params      bool   // the type says that the content is urlencoded
	encoded     bool   // a server may decode the content into other text
	quoted      bool   // the content may have escapes of quoted-printable
	foreign     bool   // a server may decode the content by a charset other than UTF-8

	blankColon  bool // blanks stand before the colon of the disposition
	colonless   bool // there is a line without a colon
	bareLineEnd bool // some servers may end the header earlier

	otherDoubted bool // there is a different disposition, too, so doubts has all of this one
	restDoubted  bool // doubts has the disposition from somewhere on to its end

	// doubts are the texts that servers may read differently.
	doubts [][]byte
}

const (
	dispositionName = "content-disposition"
	contentTypeName = "content-type"
	encodingName    = "content-transfer-encoding"
	contentIDName   = "content-id"
)

// parseHeader parses the header of a part, without the empty line that ends it, and
// records all that servers may read differently.
func parseHeader(header []byte) part {
	if p, ok := parsePlainHeader(header); ok {
		return p
	}
	return parseAnyHeader(header)
}

// parseAnyHeader parses a header in any spelling.
func parseAnyHeader(header []byte) (p part) {
	for rest := header; len(rest) > 0; {
		var line []byte
		line, rest = cutLine(rest)
		p.readLine(line)
	}
	p.multipart = p.multipart || joinsMultipart(header)
	if p.colonless { // PHP appends a line without a colon to the one before, and to Rack it is its continuation
		p.doubt(bytes.ReplaceAll(header, crlf, nil))
		p.doubt(header)
	}
	return p
}

// cutLine splits the first line off a header, with the lines that continue it
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

// doubt records a text that servers may read differently.
func (p *part) doubt(text []byte) { p.doubts = append(p.doubts, text) }

// doubtRest records all of the disposition from somewhere on, once: a header could
// hold thousands of reasons, each with a text up to its end.
func (p *part) doubtRest(text []byte) {
	if !p.restDoubted {
		p.restDoubted = true
		p.doubt(text)
	}
}

// readLine reads one line of the header with its continuations.
func (p *part) readLine(line []byte) {
	for i, c := range line {
		folded := c == '\r' && bytes.HasPrefix(line[i:], crlf) || c == '\n' && i > 0 && line[i-1] == '\r'
		if isControl(c) && !folded { // where a server may end a line
			p.doubt(line[i:])
			p.bareLineEnd = p.bareLineEnd || holdsLineEnd(line[i:])
			p.readContentType(line[i:]) // to such a server, this may be a line Content-Type
			break
		}
	}
	name, value, colon := bytes.Cut(line, []byte(":"))
	length := len(name)
	name = bytes.TrimRight(name, " \t") // most servers ignore blanks before the colon
	isDisposition := equalFoldASCII(name, dispositionName)
	p.blankColon = p.blankColon || isDisposition && length > len(name)
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

// readContentType records how servers may read the content by its Content-Type.
func (p *part) readContentType(value []byte) {
	_, foreign, err := parseCharset(string(value))
	p.encoded = p.encoded || err != nil
	p.foreign = p.foreign || foreign
	p.multipart = p.multipart || saysMultipart(value)
	p.params = p.params || isURLEncoded(value)
}

// saysMultipart reports whether a text may say that the content is a form of its own.
func saysMultipart(text []byte) bool {
	return indexFoldASCII(text, "multipart") >= 0 && indexFoldASCII(text, boundaryName) >= 0
}

// joinsMultipart reports whether several lines may say so to a server that joins them.
func joinsMultipart(header []byte) bool {
	if !saysMultipart(header) {
		return false
	}
	first := indexFoldASCII(header, contentTypeName)
	return first >= 0 && indexFoldASCII(header[first+1:], contentTypeName) >= 0
}

// isMediaType reports whether a Content-Type has anything but parameters.
func isMediaType(value []byte) bool {
	media, _, _ := bytes.Cut(value, semicolonSign)
	return len(bytes.TrimSpace(media)) > 0
}

// readDispositionLine reads a Content-Disposition. A second one that is equal is
// harmless; of different ones, servers take the first or the last.
func (p *part) readDispositionLine(value, line []byte) {
	switch {
	case p.disposition == nil:
		p.disposition = value
		p.readDisposition(value)
	case bytes.Equal(p.disposition, value) && p.repeated == nil:
		p.repeated = value
	default:
		if !p.otherDoubted {
			p.otherDoubted = true
			p.doubt(p.disposition)
		}
		p.doubt(line)
	}
}

// transferEncoding matches encodings that change the content (RFC 2045, section 6.1),
// including those that old mail software used. Clients also write words there that
// mean nothing.
var transferEncoding = regexp.MustCompile(`(?i)base-?64|uu|binhex|yenc|zip|deflate|compress`)

// isControl reports whether c is a control character other than a tab, which no line of
// a header may contain.
func isControl(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }

// browserFile matches the Content-Disposition of a file as browsers and libraries write
// it, which all servers read alike.
var browserFile = regexp.MustCompile(`^ (?i:form-data); name="[^"\\]*"; filename="(?:[^"]*[/\\])?[^"/\\]*[^"/\\. ][^"/\\]*"$`)

// isBrowserFile reports whether every server takes the part for a file, whatever its
// name. Some take a part without a Content-Type, or whose file name is only a path, for
// a field.
func (p *part) isBrowserFile() bool {
	return len(p.doubts) == 0 && p.repeated == nil && p.typed && !p.multipart && !p.params && browserFile.Match(p.disposition)
}

// crossOutName crosses out the name of a stale field, and the names of the lines that
// say how to decode the content. A server that decodes the crossed-out content as
// base64 or as a form would fail.
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

// crossOutLetters crosses out a name except for backslashes: without a last one, the
// quote behind it would not be escaped any more, and the value end earlier.
func crossOutLetters(name []byte) {
	for i, c := range name {
		if c != '\\' {
			name[i] = crossedOut
		}
	}
}

// saysHowToRead reports whether a server may decode the content because of a line with
// the given name.
func saysHowToRead(name, line []byte) bool {
	says := func(word string) bool { return indexFoldASCII(line, word) >= 0 }
	return equalFoldASCII(name, encodingName) ||
		equalFoldASCII(name, contentTypeName) && (says("multipart") || says("urlencoded") || says("charset"))
}

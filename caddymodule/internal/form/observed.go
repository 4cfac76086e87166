// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"regexp"
	"strings"
)

// Unlike the editor, which only has to find protected names in what is doubtful, an
// observer wants to know the file names and the types that servers read. So everything
// that could be a file name is one, wherever it stands in the header, in each way in
// which servers are known to cut and decode it. Where that is not enough, the part is
// doubtful.

// read reads the header of a part, which has been parsed.
func (o *observed) read(p *part, header []byte) {
	o.Part = Part{
		Name: p.name, File: p.filename != nil || p.file || p.typed, FileNames: o.names[:0], Types: o.types[:0],
		Doubtful: p.bareLineEnd || p.joinsFileNames(), Nested: p.multipart || p.params, Multipart: p.multipart, Encoded: p.encoded || p.quoted,
	}
	if p.plain {
		if len(p.filename) > 0 {
			o.FileNames = append(o.FileNames, string(p.filename))
		}
		if contentType := header[len("Content-Disposition:")+len(p.disposition):]; p.typed {
			o.addType(contentType[len(plainTypeStart):])
		}
		return
	}
	names := fileNames{part: &o.Part}
	for rest := header; len(rest) > 0; {
		var line []byte
		line, rest = cutLine(rest)
		isType := o.readLine(line)
		names.readLine(line, isType)
	}
	o.File = o.File || names.count > 0 || o.Doubtful
}

// joinsFileNames reports whether a server that joins several dispositions may read another
// file name: it takes the beginning of the second for the end of the first one's last value.
func (p *part) joinsFileNames() bool {
	return p.otherDoubted || p.repeated != nil && (p.file || p.filename != nil) && !browserFile.Match(p.disposition)
}

// readLine reads one line of the header with its continuations, except for file names.
// It reports whether it says a type.
func (o *Part) readLine(line []byte) (isType bool) {
	name, value, colon := bytes.Cut(line, []byte(":"))
	name = bytes.TrimRight(name, " \t")
	isType = equalFoldASCII(name, contentTypeName)
	isDisposition := equalFoldASCII(name, dispositionName)
	switch letters := appendLetters(nil, name); {
	case isType:
		o.readType(value)
	case isDisposition, equalFoldASCII(name, encodingName):
	case !colon, bytes.Contains(letters, dispositionLetters), bytes.Contains(letters, typeLetters):
		o.Doubtful = true // PHP appends a line without a colon to the one before
	case bytes.Contains(letters, encodingLetters):
		o.Encoded = o.Encoded || transferEncoding.Match(value) || indexFoldASCII(value, "quoted") >= 0 || IsCoded([]string{string(value)})
	case !isToken(name) && mentionsPart(line):
		o.Doubtful = true
	}
	// To some servers, what continues a line is one of its own.
	if _, continued, folded := bytes.Cut(line, crlf); folded && !isType && !isDisposition && mentionsPart(continued) {
		o.Doubtful = true
	}
	// Some end a line at any control character, where it is folded too.
	if i := bytes.IndexFunc(line, isNameControl); i >= 0 && mentionsHeader(line[i:]) {
		o.Doubtful = true
	}
	return isType
}

// readType reads a Content-Type. Servers that join several lines by commas may take the
// first of them or the last.
func (o *Part) readType(value []byte) {
	media, params, _ := bytes.Cut(value, semicolonSign)
	isEmpty := len(bytes.TrimSpace(media)) == 0 && len(bytes.TrimSpace(params)) > 0 // some look for a type in the rest
	o.Doubtful = o.Doubtful || holdsLineEnd(media) || isEmpty
	for element := range bytes.SplitSeq(media, []byte(",")) {
		if element = bytes.Trim(element, " \t\r\n"); len(element) > 0 {
			o.Doubtful = o.Doubtful || !mediaType.Match(element)
			o.addType(element)
		}
	}
	for _, continued := range bytes.Split(value, crlf)[1:] { // CherryPy takes the last of these lines
		continued, _, _ = bytes.Cut(continued, semicolonSign)
		o.addType(bytes.Trim(continued, " \t"))
	}
	for _, match := range laterType.FindAllSubmatch(params, maxFileNames) {
		o.addType(match[1])
	}
}

var (
	// mediaType matches a type, or another word that clients write for one.
	mediaType = regexp.MustCompile("^[-!#$&'*+.^_`|~/0-9A-Za-z]+$")
	// laterType matches one behind the parameters of another.
	laterType = regexp.MustCompile(`,[ \t]*([-!#$&+.^_0-9A-Za-z]+/[-!#$&+.^_0-9A-Za-z]+)`)
)

// addType adds a media type in lower case, unless it is there.
func (o *Part) addType(media []byte) {
	for _, other := range o.Types {
		if equalFoldASCII(media, other) {
			return
		}
	}
	if indexFoldASCII(media, "multipart/") >= 0 { // to CGI.pm without a boundary, too
		o.Nested, o.Multipart = true, true
	}
	if len(o.Types) == maxFileNames {
		o.Doubtful = true
		return
	}
	name, common := commonTypes[string(media)]
	if !common {
		name = strings.ToLower(string(media))
	}
	o.Types = append(o.Types, name)
}

// commonTypes are types that cost no allocation.
var commonTypes = func() map[string]string {
	types := make(map[string]string)
	for name := range strings.FieldsSeq("application/octet-stream image/jpeg image/png image/gif image/webp image/heic image/svg+xml image/avif " +
		"video/mp4 video/quicktime video/webm audio/mpeg application/pdf application/zip text/plain text/csv text/html application/json") {
		types[name] = name
	}
	return types
}()

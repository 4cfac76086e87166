// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"regexp"
	"slices"
)

// namesElsewhere reports whether a header has a protected name that Rack takes if it does
// not read the part's own.
func (e *Edit) namesElsewhere(header []byte) bool {
	for _, name := range []string{contentIDName, contentTypeName} {
		for rest := header; ; {
			i := indexFoldASCII(rest, name)
			if i < 0 {
				break
			}
			rest = bytes.TrimLeft(rest[i+len(name):], ": \t\r\n<")
			value, _, _ := bytes.Cut(rest[:min(len(rest), maxNameWithin)], crlf)
			if e.resembles(bytes.TrimRight(value, " \t>")) {
				return true
			}
		}
	}
	return false
}

// hides reports whether some server could read a protected name in a header where the
// editor reads another, or none.
func (e *Editor) hides(p *part, header []byte) bool {
	for _, doubtful := range p.doubts {
		if p.nameIsFound { // then no server takes the end of `filename=` for `name=`
			doubtful = fileNameKey.ReplaceAll(doubtful, semicolonSign)
		}
		if e.edit.hidesName(doubtful) {
			return true
		}
	}
	// A boundary within a line: some servers begin a part there.
	if i := bytes.Index(header, e.dashProbe()); i >= 0 && e.edit.hides(header[i:]) {
		return true
	}
	if hidesInWords(p.name) || p.filename != nil && !p.nameIsFound && e.edit.resembles(p.filename) {
		return true
	}
	values := append([][]byte{p.filename, p.name}, p.fileNames...)
	return slices.ContainsFunc(values, e.hidesParameter) || !p.nameIsFirst && slices.ContainsFunc(values, e.hidesWithin)
}

// doubtsName reports whether a doubtful text of a part's header extends the name of its
// field. Parts of mails may have such a name in their Content-Type, but stand within others.
func doubtsName(doubtful []byte) bool {
	// It may begin with the key of a file name.
	return ExtendsName(fileNameKey.ReplaceAll(append([]byte(";"), doubtful...), semicolonSign))
}

// hidesParameter reports whether a server that splits at semicolons even within quotes,
// as some do, reads a protected name in a value such as `a; name=signature`. Rack ends the
// name at a blank, too.
func (e *Editor) hidesParameter(value []byte) bool {
	_, behind, _ := bytes.Cut(value, semicolonSign)
	for parameter := range bytes.SplitSeq(behind, semicolonSign) {
		key, value, _ := bytes.Cut(parameter, []byte("="))
		if bytes.Equal(appendLetters(nil, key), nameLetters) && e.edit.beginsIn(value) {
			return true
		}
	}
	return false
}

// hidesWithin reports whether a server that looks for a name anywhere, as CGI.pm and
// HTTP::Body do behind a blank and formidable at the beginning of a word, reads a protected
// one in a value such as `a name=signature`.
func (e *Editor) hidesWithin(value []byte) bool {
	for from := 0; ; {
		i := indexFoldASCII(value[from:], "name=")
		if i < 0 {
			return false
		}
		i += from
		from = i + len("name=")
		if i > 0 && (isAlphanumeric(value[i-1]) || value[i-1] == '_') {
			continue
		}
		name := value[from:min(len(value), from+maxNameWithin)]
		if end := bytes.IndexAny(name, ";="); end >= 0 {
			name = name[:end]
		}
		if e.edit.beginsIn(name) {
			return true
		}
	}
}

// maxNameWithin is how many bytes of a name at another place are examined, for there may be
// thousands.
const maxNameWithin = 128

// fileNameKey matches the key of a file name in each of its forms.
var fileNameKey = regexp.MustCompile(`(?i);[ \t]*filename(?:\*(?:\d+\*?)?)?=`)

// hidesInHeader reports whether some server could read a protected name in the header of
// a part within a part.
func (e *Editor) hidesInHeader(header []byte) bool {
	if !isOfForm(header) {
		return false
	}
	if e.hasTooManyWords(header) {
		return true
	}
	p := parseAnyHeader(header)
	return e.edit.resembles(p.name) || e.hides(&p, header)
}

// hidesIn reports whether some server could read a protected name in a doubtful text
// outside of headers.
func (e *Editor) hidesIn(text []byte) bool { return e.hasTooManyWords(text) || e.edit.hides(text) }

// isOfForm reports whether the header of a part within a part may be one of a form. Without
// a disposition it may be that of a mail or a saved page, which is uploaded as a file.
func isOfForm(header []byte) bool { return indexFoldASCII(header, "disposition") >= 0 }

// hides reports whether some server could read a protected name in a doubtful text, where a
// part of the form may begin.
func (e *Edit) hides(text []byte) bool {
	return e.hidesName(text) || ExtendsName(text) || e.namesElsewhere(text)
}

// hidesName is hides for names that are not in another charset.
func (e *Edit) hidesName(text []byte) bool {
	if len(text) <= len(nameLetters) { // mostly an epilogue of CRLF
		return false
	}
	return e.Stale.hidden(text) || e.Watched.hidden(text) || e.Contested.hidden(text)
}

// mentions reports whether a protected name stands anywhere in a text.
func (e *Edit) mentions(text []byte) bool {
	return e.Stale.MentionedIn(text) || e.Watched.MentionedIn(text) || e.Contested.MentionedIn(text)
}

// beginsIn reports whether some server could take a text for a protected name, or for one
// that ends before the text does.
func (e *Edit) beginsIn(text []byte) bool {
	return e.resembles(text) || e.Stale.beginsIn(text) || e.Watched.beginsIn(text) || e.Contested.beginsIn(text)
}

// resembles reports whether some server could take a name for a protected one.
func (e *Edit) resembles(name []byte) bool {
	return e.Stale.resemble(name) || e.Watched.resemble(name) || e.Contested.resemble(name)
}

// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"fmt"
	"regexp"
)

// partKind is what becomes of a part's content.
type partKind int

const (
	partUnchanged partKind = iota
	partStale
	partWatched
	partNested   // unchanged; refused if there is a protected name in a part within it
	partParams   // unchanged; refused if one of its parameters has a protected name
	partUnheaded // unchanged; refused if there is a protected name at its beginning
)

// Errors of a part. They are made once, so that a hostile form costs no formatting.
var (
	errDoubtful = fmt.Errorf("%w: some servers may read a protected name in it", ErrMalformedHeader)
	errEncoded  = fmt.Errorf("%w: a field that is to be read is encoded", ErrMalformedHeader)
	errNested   = fmt.Errorf("%w: a field that is to be read is a form of its own", ErrMalformedHeader)
)

// classify decides by a part's header what becomes of the part, and shows it to the
// observer. It crosses out the name of a stale field.
//
// Doubtful syntax alone is no reason to refuse a form. It is one only if a server could
// read a protected name in it.
func (e *Editor) classify(header []byte) (kind partKind, err error) {
	p := parseHeader(header)
	stale, name, err := e.isNamed(&p)
	watched := name != ""
	switch protected := stale || watched; {
	case err != nil:
		return 0, err
	case p.name == nil && p.file:
		return 0, ErrUnnamedFile
	case p.name == nil && e.edit.mentions(header):
		return 0, errDoubtful // some servers name such a part by its Content-ID, or by its type
	case protected && p.file && !p.isBrowserFile(),
		protected && p.bareLineEnd,
		protected && len(p.doubts) > 0 && indexFoldASCII(header, "filename") >= 0:
		return 0, errDoubtful
	case p.file:
		stale, watched = false, false
		e.files.Add(1)
	case stale:
		if e.edit.Removed != nil {
			e.watched = e.edit.Stale.find(p.name) // before it is crossed out
		}
		p.crossOutName(header)
	case watched && p.encoded:
		return 0, errEncoded
	case watched && p.multipart: // Python's cgi takes the value of a part within
		return 0, errNested
	}
	if !p.plain && e.hides(&p, header) {
		return 0, errDoubtful
	}
	switch {
	case stale:
		kind = partStale
	case watched:
		kind, e.quoted, e.encloses, e.watched = partWatched, p.quoted, p.params, name
	case p.multipart:
		kind = partNested
	case p.params:
		kind = partParams
	}
	if e.edit.Observer != nil {
		if stale && !p.plain {
			p = parseAnyHeader(header) // as it leaves
		}
		err = e.observe(&p, header)
	}
	return kind, err
}

// isNamed reports whether some server takes the part's name for a stale one, and which
// watched one it is to some server, if any.
func (e *Editor) isNamed(p *part) (stale bool, watched string, err error) {
	switch {
	case p.plain:
		stale, watched = e.edit.Stale.findPlain(p.name) != "", e.edit.Watched.findPlain(p.name)
	case p.name != nil:
		stale, watched = e.edit.Stale.resemble(p.name), e.edit.Watched.find(p.name)
	}
	if e.edit.Contested != nil && !stale && (!p.file || !p.isBrowserFile()) {
		if contested := e.edit.Contested.find(p.name); contested != "" {
			stale, err = e.edit.IsStale(contested)
		}
	}
	return stale, watched, err
}

// hides reports whether some server could read a protected name in a header where the
// editor reads another, or none.
func (e *Editor) hides(p *part, header []byte) bool {
	for _, doubtful := range p.doubts {
		if p.nameIsFound { // then no server takes the end of `filename=` for `name=`
			doubtful = fileNameKey.ReplaceAll(doubtful, semicolonSign)
		}
		if e.edit.hides(doubtful) {
			return true
		}
	}
	// A boundary within a line: some servers begin a part there.
	if i := bytes.Index(header, e.dashProbe()); i >= 0 && e.edit.hides(header[i:]) {
		return true
	}
	return p.filename != nil && !p.nameIsFound && e.edit.resembles(p.filename) || e.hidesParameter(p.filename) || e.hidesParameter(p.name)
}

// hidesParameter reports whether a server that splits at semicolons even within quotes,
// as some do, reads a protected name in a value such as `a; name=signature`.
func (e *Editor) hidesParameter(value []byte) bool {
	_, behind, _ := bytes.Cut(value, semicolonSign)
	for parameter := range bytes.SplitSeq(behind, semicolonSign) {
		key, value, _ := bytes.Cut(parameter, []byte("="))
		if bytes.Equal(appendLetters(nil, key), nameLetters) && e.edit.resembles(value) {
			return true
		}
	}
	return false
}

// fileNameKey matches the key of a file name in each of its forms.
var fileNameKey = regexp.MustCompile(`(?i);[ \t]*filename(?:\*(?:\d+\*?)?)?=`)

// hidesIn reports whether some server could read a protected name in the header of a
// part within a part. Without a disposition, such a part is not one of a form: it may be
// that of a mail or a saved page, which is uploaded as a file.
func (e *Editor) hidesIn(header []byte) bool {
	if indexFoldASCII(header, "disposition") < 0 {
		return false
	}
	p := parseAnyHeader(header)
	return e.edit.resembles(p.name) || e.hides(&p, header)
}

// hides reports whether some server could read a protected name in a doubtful text.
func (e *Edit) hides(text []byte) bool {
	if len(text) <= len(nameLetters) { // mostly an epilogue of CRLF
		return false
	}
	return e.Stale.hidden(text) || e.Watched.hidden(text) || e.Contested.hidden(text)
}

// mentions reports whether a protected name stands anywhere in a text.
func (e *Edit) mentions(text []byte) bool {
	return e.Stale.MentionedIn(text) || e.Watched.MentionedIn(text) || e.Contested.MentionedIn(text)
}

// resembles reports whether some server could take a name for a protected one.
func (e *Edit) resembles(name []byte) bool {
	return e.Stale.resemble(name) || e.Watched.resemble(name) || e.Contested.resemble(name)
}

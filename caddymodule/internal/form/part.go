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
	partKept partKind = iota
	partStale
	partWatched
	partNested   // kept, if there is no protected name in the parts within it
	partParams   // kept, if there is no protected name in the parameters that it consists of
	partUnheaded // kept, if there is no protected name at its beginning
)

// Errors of a part, made once: it is not for a hot path to word them.
var (
	errDoubtful = fmt.Errorf("%w: some servers may read a protected name in it", ErrMalformedHeader)
	errEncoded  = fmt.Errorf("%w: a field that is to be read is encoded", ErrMalformedHeader)
)

// judge decides by a part's header what becomes of the part. It crosses out the
// name of a stale field.
//
// Doubtful syntax alone is no reason to refuse a form: it is one where a server
// could read a protected name in it.
func (e *Editor) judge(header []byte) (partKind, error) {
	p := parseHeader(header)
	stale, watched := e.isNamed(&p)
	switch protected := stale || watched; {
	case p.name == nil && p.file:
		return 0, ErrUnnamedFile
	case p.name == nil && e.edit.mentions(header):
		return 0, errDoubtful // some name it by the Content-ID, or by the type
	case protected && p.file && !p.isBrowserFile(),
		protected && p.bareLineEnd,
		protected && len(p.doubts) > 0 && indexFoldASCII(header, "filename") >= 0:
		return 0, errDoubtful
	case p.file:
		stale, watched = false, false
	case stale:
		p.crossOutName(header)
	case watched && p.encoded:
		return 0, errEncoded
	}
	if !p.plain && e.hides(&p, header) {
		return 0, errDoubtful
	}
	switch {
	case stale:
		return partStale, nil
	case watched:
		e.quoted = p.quoted
		return partWatched, nil
	case p.multipart:
		return partNested, nil
	case p.params:
		return partParams, nil
	}
	return partKept, nil
}

// isNamed reports whether some server takes the part's name for a stale or for a
// watched one.
func (e *Editor) isNamed(p *part) (stale, watched bool) {
	switch {
	case p.plain:
		return e.edit.Stale.hasPlain(p.name), e.edit.Watched.hasPlain(p.name)
	case p.name == nil:
		return false, false
	}
	return e.edit.Stale.resemble(p.name), e.edit.Watched.resemble(p.name)
}

// hides reports whether some server could read a protected name in a header,
// where the editor does not.
func (e *Editor) hides(p *part, header []byte) bool {
	for _, doubtful := range p.doubts {
		if p.nameIsFound { // so none takes the key of a file name for that of the name
			doubtful = fileNameKey.ReplaceAll(doubtful, semicolonSign)
		}
		if e.edit.hides(doubtful) {
			return true
		}
	}
	// The boundary, or what some servers make of it, within a line.
	if i := bytes.Index(header, e.dashProbe()); i >= 0 && e.edit.hides(header[i:]) {
		return true
	}
	return p.filename != nil && !p.nameIsFound && e.edit.resembles(p.filename) || e.hidesParameter(p.filename) || e.hidesParameter(p.name)
}

// hidesParameter reports whether a server that cuts at a semicolon within quotes,
// as some do, reads a protected name in a value.
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

// fileNameKey is the key of a file's name, in each of its forms.
var fileNameKey = regexp.MustCompile(`(?i);[ \t]*filename(?:\*(?:\d+\*?)?)?=`)

// hidesIn reports whether some server could read a protected name in the header
// of a part within a part. There, a part without a disposition is none of a form,
// as those of mails and pages are.
func (e *Editor) hidesIn(header []byte) bool {
	if indexFoldASCII(header, "disposition") < 0 {
		return false
	}
	p := parseAnyHeader(header)
	return e.edit.resembles(p.name) || e.hides(&p, header)
}

// hides reports whether some server could read a protected name in a text.
func (e *Edit) hides(text []byte) bool { return e.Stale.hidden(text) || e.Watched.hidden(text) }

// mentions reports whether a protected name is in a text.
func (e *Edit) mentions(text []byte) bool {
	return e.Stale.MentionedIn(text) || e.Watched.MentionedIn(text)
}

// resembles reports whether some server could take a name for a protected one.
func (e *Edit) resembles(name []byte) bool { return e.Stale.resemble(name) || e.Watched.resemble(name) }

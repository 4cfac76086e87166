// SPDX-License-Identifier: Apache-2.0

package form

import (
	"cmp"
	"fmt"
	"slices"
)

// partKind is what becomes of a part's content.
type partKind int

const (
	partUnchanged partKind = iota
	partStale
	partWatched
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
	if !p.plain && e.hasTooManyWords(header) {
		return 0, errDoubtful
	}
	stale, name, err := e.isNamed(&p)
	watched := name != ""
	switch protected := stale || watched; {
	case err != nil:
		return 0, err
	case p.name == nil && p.file:
		return 0, ErrUnnamedFile
	case p.name == nil && e.edit.mentions(header), !p.nameIsFound && (e.edit.namesElsewhere(header) || slices.ContainsFunc(p.fileNames, e.edit.resembles)):
		return 0, errDoubtful // some servers name such a part by its Content-ID, or by its type
	case protected && p.file && !p.isBrowserFile(),
		protected && p.bareLineEnd,
		watched && p.file && name == fieldCharset, // which aiohttp reads all the same
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
	if !p.plain && (e.hides(&p, header) || slices.ContainsFunc(p.doubts, doubtsName)) {
		return 0, errDoubtful
	}
	switch {
	case stale:
		kind = partStale
	case watched:
		kind, e.quoted, e.foreign, e.watched = partWatched, p.quoted, p.foreign, name
	}
	if p.multipart && !stale && e.nested == nil {
		e.nested = new(nested)
	}
	if p.params && !stale && e.params == nil {
		e.params = new(params)
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
		if watched == "" {
			watched = charsetNames.findPlain(p.name)
		}
	case p.name != nil:
		stale, watched = e.edit.Stale.resemble(p.name), cmp.Or(e.edit.Watched.find(p.name), charsetNames.find(p.name))
	}
	if e.edit.Contested != nil && !stale && (!p.file || !p.isBrowserFile()) {
		if contested := e.edit.Contested.find(p.name); contested != "" {
			stale, err = e.edit.IsStale(contested)
		}
	}
	return stale, watched, err
}

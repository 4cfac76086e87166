// SPDX-License-Identifier: Apache-2.0

package form

import "bytes"

// Observer judges the parts of a form while they pass. Its first error ends the form:
// Read returns it. It is called from within Read: for each part in the order of the form
// Begin, then Content as often as there are pieces, and End.
type Observer interface {
	// Begin is called when the header of a part has been read. Nothing of the part has
	// been passed on, and will not be if it returns an error.
	Begin(part *Part) error
	// Content is called with the next piece of the part's content, as it leaves. The
	// piece is not passed on if it returns an error.
	Content(piece []byte) error
	// End is called at the end of the content. The delimiter that ends it has not been
	// passed on.
	End() error
	// Ambiguous is called if some servers may begin a part where others do not: in the
	// content of another one, in a header, before the first part or after the last.
	Ambiguous() error
}

// Part is what the header of a part says, under every reading of some server. It and
// its slices are valid until Begin returns; the strings stay valid.
type Part struct {
	// Name is the field's as most servers read it, or nil if there is none. That of a
	// stale field has been crossed out.
	Name []byte
	// File says that some server may take the part for a file: there is a file name
	// under any key, even an empty one, or a Content-Type without a file name.
	File bool
	// FileNames are all file names that some server could read, the likeliest first:
	// as written, decoded, unescaped, and cut at quotes, controls, semicolons and the
	// separators of a path. Empty ones are left out.
	FileNames []string
	// Types are the media types that some server could read as the declared one, in
	// lower case and without parameters. There are none if none is declared.
	Types []string
	// Doubtful says that servers may read file names or types that are not in these
	// lists, or begin the content elsewhere.
	Doubtful bool
	// Nested says that the content is a form of its own to some servers.
	Nested bool
	// Multipart says that this form may have files: it is not, or not only, urlencoded.
	Multipart bool
	// Encoded says that some server may decode the content, as from base64.
	Encoded bool
}

// observed is a part with room for what nearly all of them need.
type observed struct {
	Part
	names, types [1]string
}

// observe shows the beginning of a part to the observer. The header is empty if the part
// has none.
func (e *Editor) observe(p *part, header []byte) error {
	if i := bytes.Index(header, e.dashProbe()); i >= 0 {
		if err := e.reportPart(header[i:]); err != nil {
			return err
		}
	}
	if e.observed == nil {
		e.observed = new(observed)
	}
	e.observing = true
	e.observed.read(p, header)
	return e.edit.Observer.Begin(&e.observed.Part)
}

// reportPart tells the observer, if there is one, that some servers may read a part in a
// text. Without the name of a header's line or a file name, there is no part that such a
// server would see.
func (e *Editor) reportPart(text []byte) error {
	if e.edit.Observer == nil || !mentionsPart(text) {
		return nil
	}
	return e.edit.Observer.Ambiguous()
}

// reportUnheaded tells the observer of a part without a header in which some servers may
// read one: they skip the empty lines before it.
func (e *Editor) reportUnheaded() error {
	if !e.observing {
		return nil
	}
	header := e.value
	if end := headerEnd(header); end >= 0 {
		header = header[:end]
	} else if len(header) == unheadedSize { // it may be longer
		return e.edit.Observer.Ambiguous()
	}
	return e.reportPart(header)
}

// mentionsPart reports whether the header of a part may stand in a text.
func mentionsPart(text []byte) bool {
	letters := appendLetters(nil, text)
	return holdsHeader(letters) || bytes.Contains(letters, fileNameLetters)
}

// mentionsHeader reports whether the name of a line that matters stands in a text,
// whatever punctuation is between its letters.
func mentionsHeader(text []byte) bool { return holdsHeader(appendLetters(nil, text)) }

// holdsHeader is mentionsHeader for a text as appendLetters returns it.
func holdsHeader(letters []byte) bool {
	return bytes.Contains(letters, dispositionLetters) || bytes.Contains(letters, typeLetters)
}

var (
	dispositionLetters = []byte("disposition")
	typeLetters        = []byte("contenttype")
	encodingLetters    = []byte("encoding")
	fileNameLetters    = []byte("filename")
)

// SPDX-License-Identifier: Apache-2.0

package form

// Observer judges the parts of a form while they pass. Its first error ends the form:
// Read returns it. It is called from within Read, with Begin, Content as often as there
// are pieces, and End for each part, in the order of the form.
type Observer interface {
	// Begin is called when the header of a part has been read. Nothing of the part has
	// been passed on, and will not be if it returns an error. The part is valid until
	// Begin returns.
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

// Part is what the header of a part says, under every reading of some server.
type Part struct {
	// Name is the field's as most servers read it, or nil if there is none. It shares
	// the header's memory.
	Name []byte
	// File says that some server may take the part for a file: there is a file name
	// under any key, even an empty one, or a Content-Type without a file name.
	File bool
	// FileNames are all file names that some server could read, the likeliest first:
	// as written, decoded, unescaped, and cut at quotes, backslashes, NUL, semicolons
	// and the separators of a path. Empty ones are left out.
	FileNames []string
	// Types are the media types that some server could read as the declared one, in
	// lower case and without parameters. There are none if none is declared.
	Types []string
	// Doubtful says that servers may read file names or types that are not in these
	// lists, or other bytes as the content.
	Doubtful bool
	// Nested says that the content is a form of its own to some servers.
	Nested bool
	// Encoded says that some server may decode the content, as from base64.
	Encoded bool
}

// observe shows the beginning of a part to the observer, if there is one. The header is
// nil if the part has none.
func (e *Editor) observe(header []byte) error {
	if e.edit.Observer == nil {
		return nil
	}
	if e.observed == nil {
		e.observed = new(Part)
	}
	e.observing = true
	e.observed.read(header)
	return e.edit.Observer.Begin(e.observed)
}

// read reads a header.
func (p *Part) read(header []byte) {
	parsed := parseHeader(header)
	*p = Part{Name: parsed.name, File: parsed.file || parsed.filename != nil || parsed.typed, Nested: parsed.multipart || parsed.params, Encoded: parsed.encoded || parsed.quoted}
	if len(parsed.filename) > 0 {
		p.FileNames = append(p.FileNames, string(parsed.filename))
	}
}

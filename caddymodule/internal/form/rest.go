// SPDX-License-Identifier: Apache-2.0

package form

import "bytes"

// rest is what follows a header that some servers may read at a doubtful place, and that
// does not end in what was examined there: some servers bound no header. Its end is
// awaited, but nothing of it is kept. A part is refused once it shows a line that makes it
// one of a form.
type rest struct {
	at   int64  // the offset in the body up to which it has been examined; 0 if there is none
	tail []byte // the last of it: a word may stand across two pieces

	strict bool // bare LF do not end it: servers that bound no header there do not take them for line ends
}

// restTail is how many bytes are examined again with the next piece: more than the
// longest word that matters, with a sign between each of its letters.
const restTail = 64

// begin begins after the examined beginning of a header, which ends at an offset.
func (r *rest) begin(examined []byte, end int64) {
	r.at, r.tail = end, append(r.tail[:0], examined[max(0, len(examined)-restTail):]...)
}

// next examines content that stands at an offset, and reports whether there may be a part.
func (r *rest) next(content []byte, at int64) bool {
	if r.at == 0 || r.at-at >= int64(len(content)) {
		return false
	}
	text := bytes.Join([][]byte{r.tail, content[r.at-at:]}, nil)
	if len(bytes.Trim(r.tail, "\r\n")) == 0 { // the header has not begun yet: some servers skip empty lines
		text = bytes.TrimLeft(text, "\r\n")
	}
	end := bytes.Index(text, crlfCRLF)
	if !r.strict {
		end = emptyLine(text)
	}
	if end >= 0 {
		r.at = 0
		return mentionsPart(text[:end])
	}
	r.begin(text, at+int64(len(content)))
	return mentionsPart(text)
}

// beginRest begins to examine the rest of a header behind a doubtful delimiter, of which
// the beginning has been examined. Before it stands what may be the rest of another one.
func (e *Editor) beginRest(before, examined []byte) error {
	if e.rest.next(before, e.at) || mentionsPart(examined) {
		return e.refuseUnended(errPartBehind)
	}
	e.rest.begin(examined, e.at+int64(len(before)+len(e.dashProbe())+len(examined)))
	return nil
}

// passRest examines the next bytes of a part's content, if they may be the rest of a header.
func (e *Editor) passRest(content []byte) error {
	switch {
	case e.rest.next(content, e.at):
		return e.refuseUnended(errPartBehind)
	case e.unheaded.next(content, e.at):
		return e.refuseUnended(errDoubtful)
	}
	return nil
}

// passUnheaded keeps the beginning of a part without a header, and has the rest examined
// if some servers may read a header in it that does not end there.
func (e *Editor) passUnheaded(content []byte) error {
	room := min(len(content), unheadedSize-len(e.value))
	e.value = append(e.value, content[:room]...)
	switch {
	case room == 0 || len(e.value) < unheadedSize || headerEnd(e.value) >= 0:
		return nil
	case mentionsPart(e.value):
		return e.refuseUnended(errDoubtful)
	}
	e.unheaded.strict = true
	e.unheaded.begin(e.value, e.at+int64(room))
	return e.passRest(content)
}

// refuseUnended refuses a header that has no end yet. The observer learns of it first.
func (e *Editor) refuseUnended(refusal error) error {
	if e.edit.Observer != nil {
		if err := e.edit.Observer.Ambiguous(); err != nil {
			return err
		}
	}
	return refusal
}

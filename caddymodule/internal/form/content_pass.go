// SPDX-License-Identifier: Apache-2.0

package form

import "bytes"

// passed passes the first n bytes of b on, and waits for more. What is an error is not
// passed on.
func (e *Editor) passed(b []byte, n int) (decided int, more bool, err error) {
	if err := e.pass(b[:n]); err != nil {
		return 0, false, err
	}
	return n, true, nil
}

// pass processes the next bytes of a part's content, which may come in any pieces.
func (e *Editor) pass(content []byte) error {
	if e.rest.at|e.unheaded.at != 0 { // hardly ever
		if err := e.passRest(content); err != nil {
			return err
		}
	}
	switch e.part {
	case partUnchanged:
	case partStale:
		if e.edit.Removed != nil {
			room := min(len(content), MaxWatchedValueSize-len(e.value))
			e.value = append(e.value, content[:room]...)
		}
		crossOut(content)
	case partWatched:
		if e.watched == fieldCharset {
			e.value = appendCharset(e.value, content)
			break
		}
		if len(e.value)+len(content) > e.maxValueSize() {
			return ErrValueTooLong
		}
		e.value = append(e.value, content...)
	case partUnheaded:
		if err := e.passUnheaded(content); err != nil {
			return err
		}
	}
	if e.nested != nil && e.nested.next(content, e.hidesInHeader, e.edit.resembles) {
		return errDoubtful
	}
	if err := e.passParams(content); err != nil {
		return err
	}
	if e.observing && len(content) > 0 {
		return e.edit.Observer.Content(content)
	}
	return nil
}

// passParams processes the next bytes of the form, if they are urlencoded to some servers:
// Python's module cgi takes for the content of a part of that type all that follows, the
// other parts too.
func (e *Editor) passParams(text []byte) error {
	if e.params != nil && e.params.next(text, e.edit.resembles) {
		return errDoubtful
	}
	return nil
}

// endParams is passParams for the end of the form.
func (e *Editor) endParams(text []byte) error {
	if err := e.passParams(text); err != nil {
		return err
	}
	if e.params != nil && e.params.end(e.edit.resembles) {
		return errDoubtful
	}
	return nil
}

func (e *Editor) maxValueSize() int {
	if e.edit.MaxValueSize > 0 {
		return e.edit.MaxValueSize
	}
	return MaxWatchedValueSize
}

// unheadedSize is how many bytes of a part without a header are examined at once.
const unheadedSize = 8 << 10

// endPart processes the end of a part.
func (e *Editor) endPart() error {
	e.rest.at, e.unheaded.at = 0, 0 // there, all servers begin another part
	if e.nested != nil {
		found, params := e.nested.endContent(e.hidesInHeader)
		if found {
			return errDoubtful
		}
		if e.params == nil {
			e.params = params
		}
	}
	switch kind := e.part; kind {
	case partWatched:
		if e.quoted && bytes.IndexByte(e.value, '=') >= 0 {
			return errEncoded
		}
		if e.watched == fieldCharset {
			return e.checkCharset(e.value)
		}
		if e.foreign && e.edit.Foreign != nil && isBeyondASCII(e.value) {
			if err := e.edit.Foreign(); err != nil {
				return err
			}
		}
		return e.edit.Watch(e.watched, string(e.value))
	case partUnheaded:
		if e.hasTooManyWords(e.value) || e.edit.mentions(e.value) {
			return errDoubtful
		}
		return e.reportUnheaded()
	case partStale:
		if e.edit.Removed != nil && e.watched != "" {
			e.edit.Removed(e.watched, string(e.value))
		}
	case partUnchanged:
	}
	return nil
}

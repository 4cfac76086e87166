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
	switch e.part {
	case partUnchanged:
	case partStale:
		if e.edit.Removed != nil {
			room := min(len(content), MaxWatchedValueSize-len(e.value))
			e.value = append(e.value, content[:room]...)
		}
		crossOut(content)
	case partWatched:
		if len(e.value)+len(content) > e.maxValueSize() {
			return ErrValueTooLong
		}
		e.value = append(e.value, content...)
	case partNested:
		if e.nested.next(content, e.hidesIn) {
			return errDoubtful
		}
	case partParams:
		if e.params.next(content, e.edit.resembles) {
			return errDoubtful
		}
	case partUnheaded:
		room := min(len(content), unheadedSize-len(e.value))
		e.value = append(e.value, content[:room]...)
	}
	if e.observing && len(content) > 0 {
		return e.edit.Observer.Content(content)
	}
	return nil
}

func (e *Editor) maxValueSize() int {
	if e.edit.MaxValueSize > 0 {
		return e.edit.MaxValueSize
	}
	return MaxWatchedValueSize
}

// unheadedSize is how many bytes of a part without a header are examined.
const unheadedSize = 8 << 10

// endPart processes the end of a part.
func (e *Editor) endPart() error {
	switch kind := e.part; kind {
	case partWatched:
		if e.quoted && bytes.IndexByte(e.value, '=') >= 0 {
			return errEncoded
		}
		if in := new(params); e.encloses && (in.next(e.value, e.edit.resembles) || in.end(e.edit.resembles)) {
			return errNested
		}
		return e.edit.Watch(e.watched, string(e.value))
	case partUnheaded:
		if e.edit.mentions(e.value) {
			return errDoubtful
		}
		return e.reportUnheaded()
	case partNested:
		if e.nested.end(e.hidesIn) {
			return errDoubtful
		}
	case partParams:
		if e.params.end(e.edit.resembles) {
			return errDoubtful
		}
	case partStale:
		if e.edit.Removed != nil && e.watched != "" {
			e.edit.Removed(e.watched, string(e.value))
		}
	case partUnchanged:
	}
	return nil
}

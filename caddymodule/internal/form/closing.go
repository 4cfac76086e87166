// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"fmt"
)

// closing holds the closing delimiter and the epilogue until the body has
// ended, and puts the fresh fields before them.
func (e *Editor) closing(b []byte, atEOF bool) (n int, more bool, err error) {
	epilogue := b[len(e.dashBoundary())+endingLength:]
	switch {
	case len(epilogue) > MaxEpilogueSize:
		return 0, false, ErrEpilogueTooLarge
	case !atEOF:
		return 0, true, nil
	case e.holdsPart(epilogue):
		return 0, false, fmt.Errorf("%w: a part after the last one", ErrAmbiguousDelimiter)
	}
	if e.ready, err = e.fresh(len(b)); err != nil {
		return 0, false, err
	}
	e.ready = append(e.ready, b...)
	return 0, true, nil
}

// holdsPart reports whether some server could read another part in the
// epilogue. Another closing delimiter is none.
func (e *Editor) holdsPart(epilogue []byte) bool {
	boundary := e.dashBoundary()
	for rest := epilogue; ; {
		_, behind, found := bytes.Cut(rest, boundary)
		if !found {
			return e.edit.hides(epilogue)
		}
		if !bytes.HasPrefix(behind, dashes) {
			return true
		}
		rest = behind
	}
}

// complete makes the closing delimiter of what the body ends with in its place:
// a boundary, which end is the end of, and a line end or nothing. That is the
// delimiter of the first fresh field then, and so the form grows no more than is
// promised if the line end is there: the last one gets none.
func (e *Editor) complete(b []byte, start, end int) (n int, more bool, err error) {
	if !e.edit.Chunked && len(b)-end != len(crlf) {
		return 0, false, ErrUnexpectedEnd
	}
	fields, err := e.fresh(end - start + len(dashes))
	if err != nil {
		return 0, false, err
	}
	e.ready = bytes.Clone(b[start:end])
	if boundary := e.dashBoundary(); len(fields) > 0 {
		e.ready = append(append(e.ready, fields[len(boundary):]...), boundary...)
	}
	e.ready = append(e.ready, dashes...)
	return start, true, nil
}

// fresh returns the fresh fields as parts, with room behind them for so many
// bytes.
func (e *Editor) fresh(room int) ([]byte, error) {
	if e.closed.Load() {
		return nil, ErrClosed
	}
	fields, err := e.edit.Fresh()
	if err != nil {
		return nil, err
	}
	ready := e.readyInit[:0]
	if size := e.edit.FreshLength + room; size > cap(ready) {
		ready = make([]byte, 0, size)
	}
	for _, field := range fields {
		ready = appendField(ready, e.dashBoundary(), field)
	}
	if len(ready) != e.edit.FreshLength {
		return nil, ErrLengthMismatch
	}
	return ready, nil
}

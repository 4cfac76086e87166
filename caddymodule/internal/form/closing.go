// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"fmt"
)

// closing holds the closing delimiter and the epilogue until the body has ended, and
// then puts the fresh fields before them. Only the end of the body shows that nothing
// doubtful follows, and only then a credential may leave.
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
	if err := e.endParams(b); err != nil {
		return 0, false, err
	}
	if err := e.reportPart(epilogue); err != nil {
		return 0, false, err
	}
	if e.ready, err = e.fresh(len(b)); err != nil {
		return 0, false, err
	}
	e.ready = append(e.ready, b...)
	return 0, true, nil
}

// holdsPart reports whether some server could read another part in the epilogue. A
// repeated closing delimiter begins none.
func (e *Editor) holdsPart(epilogue []byte) bool {
	boundary := e.dashBoundary()
	for rest := epilogue; ; {
		_, behind, found := bytes.Cut(rest, boundary)
		if !found {
			return e.hidesIn(epilogue)
		}
		if !bytes.HasPrefix(behind, dashes) {
			return true
		}
		rest = behind
	}
}

// complete repairs a form whose last delimiter lacks its "--": the body ends with a
// boundary, which ends at end, and a line end or nothing. Some clients send that, and
// lenient servers accept it. The boundary becomes the delimiter of the first fresh
// field, and a closing delimiter is added. With the line end, the form grows by exactly
// what was promised, for the "--" takes the place of the CRLF. Without it, it would be
// two bytes longer, which only a chunked body may be.
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

// fresh returns the fresh fields as parts, in a slice with capacity for room more
// bytes. If their length is not the promised one, it fails: the upstream would cut the
// form off, or wait for more until it times out.
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

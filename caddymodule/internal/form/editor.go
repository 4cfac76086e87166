// SPDX-License-Identifier: Apache-2.0

package form

import (
	"io"
	"sync/atomic"
)

// Edit says what an [Editor] does to a form.
type Edit struct {
	// Boundary is the form's boundary, as [ContentType.Boundary] returned it.
	Boundary string

	// Stale names the fields to take out, under any name that some server takes
	// for one of them. Since the length of the form is promised before its first
	// byte is read, a stale field is crossed out in place: its name and its value
	// become as many letters x. A part of which it is doubtful whether some
	// server could find one of the names in it is an error.
	Stale *Names

	// Watched names the fields whose values are shown to Watch, under any name
	// that some server takes for one of them. Doubt is an error as with Stale.
	Watched *Names

	// Watch is called with the value of a watched field when it has passed. An
	// error ends the form: Read returns it.
	Watch func(value string) error

	// Fresh yields the fields to put in. It is called once, when the whole form
	// has arrived and is known to be sound; its fields become the last parts.
	// An error ends the form: Read returns it.
	Fresh func() ([]Field, error)

	// FreshLength is the sum of the [EncodedLength] of Fresh's fields.
	FreshLength int

	// Chunked says that no length has been promised. Then a form whose closing
	// delimiter is not even a line can be completed.
	Chunked bool
}

// Editor reads a multipart/form-data body and returns it edited. It works in
// the buffers that Read is given and holds at most [MaxMemory] of its own.
//
// The edited body is exactly FreshLength bytes longer than what was read, unless
// Chunked lets it be otherwise. When Read returns an error other than io.EOF, what it returned until then lacks
// the end of the form, so that no server takes it for complete.
//
// Close may be called while Read is running; Read may not be called
// concurrently with itself.
type Editor struct {
	src  io.ReadCloser
	edit Edit

	delimiter []byte // CRLF + "--" + boundary
	probe     []byte // the delimiter, or less of it if some servers cut the boundary
	search    search // for the probe less its CRLF
	state     state
	part      partKind
	quoted    bool    // the watched part is said to be quoted-printable
	value     []byte  // of the watched part, or the beginning of one without a header
	nested    *nested // of the part, if it is one
	params    *params // of the part, if it is made of them
	at        int64   // how much of the body has been decided
	doubtful  int     // how much is to be behind a doubtful delimiter before it is looked at again
	cleared   int64   // up to where doubtful delimiters in it need no look

	held       []byte // read, but not decided: goes before the next read
	ready      []byte // decided, but not returned
	scratch    []byte // to read into when the caller's buffer is too small
	emptyReads int    // in a row, from the source
	err        error  // ends the form, once ready has been returned
	closed     atomic.Bool

	// What almost all forms need, so that an editor is one allocation.
	delimiterInit [len("\r\n--") + 72]byte
	heldInit      [128]byte // most of what is ever held is shorter than a delimiter
	valueInit     [32]byte  // a public key has 20 characters
	readyInit     [384]byte // two fields and the closing delimiter
}

const (
	// readRoom is the smallest buffer worth reading into, in bytes. Below it
	// the editor reads into one of its own.
	readRoom = 512
	// maxEmptyReads is how often in a row the source may return nothing before
	// it is taken to be broken, as in package bufio.
	maxEmptyReads = 100
	// scratchRoom is how much more than that a buffer of the editor's own has room
	// for, in bytes.
	scratchRoom = 4 << 10
	// searchSize is how much data is worth the preparation of a search.
	searchSize = 4 << 10
)

// NewEditor returns an editor of the form that src yields.
func NewEditor(src io.ReadCloser, edit Edit) *Editor {
	e := &Editor{src: src, edit: edit}
	e.delimiter = append(append(append(e.delimiterInit[:0], crlf...), dashes...), edit.Boundary...)
	e.probe = e.delimiter
	if cut := cutBoundary(edit.Boundary); len(cut) < len(edit.Boundary) {
		e.probe = e.delimiter[:len(e.delimiter)-len(edit.Boundary)+len(cut)]
	}
	e.held, e.value = e.heldInit[:0], e.valueInit[:0]
	return e
}

// Read implements [io.Reader]. It asks the source for as much as p has room
// for, and returns all of it that is decided, across the edges of parts.
func (e *Editor) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		switch {
		case e.closed.Load():
			return 0, ErrClosed
		case len(e.ready) > 0 || e.err != nil:
			return e.takeReady(p, 0)
		case len(p)-len(e.held) >= readRoom:
			if n := e.fill(p); n > 0 {
				return e.takeReady(p, n)
			}
		default:
			if need := len(e.held) + readRoom; len(e.scratch) < need {
				e.scratch = make([]byte, need+scratchRoom)
			}
			n := e.fill(e.scratch)
			e.ready = append(e.scratch[:n:n], e.ready...)
		}
	}
}

// takeReady adds what is ready to the n bytes in p and returns their number,
// and the form's end once nothing is left.
func (e *Editor) takeReady(p []byte, n int) (int, error) {
	taken := copy(p[n:], e.ready)
	e.ready = e.ready[taken:]
	if len(e.ready) > 0 {
		return n + taken, nil
	}
	return n + taken, e.err
}

// fill reads once from the source into buf, behind what is held, and edits it
// there. It returns how much of buf is decided and holds the rest.
func (e *Editor) fill(buf []byte) int {
	n := copy(buf, e.held)
	read, err := e.src.Read(buf[n:])
	if read == 0 && err == nil {
		if e.emptyReads++; e.emptyReads == maxEmptyReads {
			e.end(io.ErrNoProgress)
		}
		return 0
	}
	e.emptyReads = 0
	n += read
	atEOF := err == io.EOF //nolint:errorlint // readers return io.EOF itself
	decided, editErr := e.advance(buf[:n], atEOF)
	e.held = append(e.held[:0], buf[decided:n]...)
	if editErr != nil {
		e.end(editErr)
	} else if err != nil {
		e.end(err)
	}
	return decided
}

// end ends the form. What editors share is given back here, within Read, and
// nowhere else: Close may be called at any time. If Read is never called again,
// the garbage collector takes it.
func (e *Editor) end(err error) {
	e.err = err
	e.search.release()
}

// Close closes the source. A Read that comes after it returns ErrClosed.
func (e *Editor) Close() error {
	e.closed.Store(true)
	return e.src.Close()
}

// Interface guard
var _ io.ReadCloser = (*Editor)(nil)

// SPDX-License-Identifier: Apache-2.0

package form

import (
	"io"
	"sync/atomic"
)

// Edit says what an [Editor] does to a form.
type Edit struct {
	// Boundary is the form's boundary, as [Boundary] returned it.
	Boundary string

	// Stale names the fields to take out, in any case of ASCII letters. A part
	// that some server could take for one of them is an error. Since the length
	// of the form is promised before its first byte is read, a stale field is
	// crossed out in place: its name and its value become as many letters x.
	Stale Names

	// Watched names the fields, as they are spelled, whose values are shown to
	// Watch.
	Watched Names

	// Watch is called with a watched field when it has passed. An error ends
	// the form: Read returns it.
	Watch func(name, value string) error

	// Fresh yields the fields to put in. It is called once, when the whole form
	// has arrived and is known to be sound; its fields become the last parts.
	// An error ends the form: Read returns it.
	Fresh func() ([]Field, error)

	// FreshLength is the sum of the [EncodedLength] of Fresh's fields.
	FreshLength int
}

// Editor reads a multipart/form-data body and returns it edited. It works in
// the buffers that Read is given and holds at most [MaxMemory] of its own.
//
// The edited body is exactly FreshLength bytes longer than what was read. When
// Read returns an error other than io.EOF, what it returned until then lacks
// the end of the form, so that no server takes it for complete.
//
// Close may be called while Read is running; Read may not be called
// concurrently with itself.
type Editor struct {
	src  io.ReadCloser
	edit Edit

	delimiter []byte // CRLF + "--" + boundary
	search    search // for the delimiter less its CRLF
	state     state
	part      partKind
	name      string // of the watched part
	value     []byte // of the watched part

	held       []byte // read, but not decided: goes before the next read
	ready      []byte // decided, but not returned
	scratch    []byte // to read into when the caller's buffer is too small
	emptyReads int    // in a row, from the source
	err        error  // ends the form, once ready has been returned
	closed     atomic.Bool

	// What almost all forms need, so that an editor is one allocation.
	delimiterInit [len("\r\n--") + MaxBoundaryLength]byte
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
	// searchSize is how much data is worth the preparation of a search.
	searchSize = 4 << 10
)

// NewEditor returns an editor of the form that src yields.
func NewEditor(src io.ReadCloser, edit Edit) *Editor {
	e := &Editor{src: src, edit: edit}
	e.delimiter = append(append(append(e.delimiterInit[:0], crlf...), dashes...), edit.Boundary...)
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
			if e.scratch == nil {
				e.scratch = make([]byte, MaxPartHeaderSize+MaxBoundaryLength+readRoom)
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

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

	// Stale is the set of fields to remove, under every name that some server takes
	// for one of them. Since the length of the form is promised before its first byte
	// is read, a stale field is crossed out in place: its name and its value become as
	// many letters x. A part in which it is doubtful whether some server could find
	// one of the names is an error.
	Stale *Names

	// Removed, if not nil, is called with each of them: its name in the set, and its
	// value or, of a long one, the first MaxWatchedValueSize bytes.
	Removed func(name, value string)

	// Contested is the set of fields of which it is not known in advance whether they
	// are stale: it depends on what the form says. IsStale is called when the header of
	// one has been read, with the name of the set. True crosses the field out, as one
	// of Stale, and its error ends the form. Doubt is an error as with Stale.
	Contested *Names
	IsStale   func(name string) (bool, error)

	// Watched is the set of fields whose values are passed to Watch, under every name
	// that some server takes for one of them. Doubt is an error as with Stale.
	Watched *Names

	// Watch is called with the value of a watched field when it has been read to its
	// end, and with the name of the set. Its error ends the form: Read returns it.
	Watch func(name, value string) error

	// MaxValueSize is the longest value of a watched field, in bytes. Default:
	// MaxWatchedValueSize.
	MaxValueSize int

	// Foreign, if not nil, is called when a field `_charset_` has named a charset other than
	// UTF-8, by which some servers decode the values of a form, or the header of a watched
	// field whose value is beyond ASCII has. Its error ends the form.
	Foreign func() error

	// Fresh returns the fields to add. It is called once, when all of the form has
	// arrived and is known to be sound, so that a credential is as fresh as it can be;
	// the fields become the last parts. Its error ends the form: Read returns it.
	Fresh func() ([]Field, error)

	// FreshLength is the sum of the [EncodedLength] of Fresh's fields.
	FreshLength int

	// Chunked says that no length has been promised. Then a form whose closing
	// delimiter lacks its line end, too, can be completed.
	Chunked bool

	// Observer is shown the parts while they pass. Default: none.
	Observer Observer
}

// Editor reads a multipart/form-data body and returns it edited. It works in the
// buffers that Read is given, and holds at most [MaxMemory] of its own.
//
// The edited body is exactly FreshLength bytes longer than the original, unless
// Chunked allows otherwise. When Read returns an error other than io.EOF, what it has
// returned lacks the end of the form, so that no server takes it for complete.
//
// Close may be called while Read is running, and from another goroutine, as net/http
// does. Read must not be called concurrently with itself.
type Editor struct {
	src  io.ReadCloser
	edit Edit

	delimiter []byte // CRLF + "--" + boundary
	probe     []byte // the delimiter, or less of it if some servers cut the boundary
	search    search // for the probe less its CRLF
	state     state
	part      partKind
	quoted    bool      // the watched part is said to be quoted-printable
	foreign   bool      // the watched part is said to be in a charset other than UTF-8
	watched   string    // its name in the set, or that of the stale part
	observed  *observed // what the observer was shown; nil without one
	observing bool      // the observer has been shown the beginning of a part, and not its end
	value     []byte    // of the watched part, or the beginning of one without a header
	nested    *nested   // state of what has a form within to some servers; nil if nothing has
	params    *params   // state of what is urlencoded to some servers; nil if nothing is
	rest      rest      // of a header that may have begun at a doubtful delimiter
	unheaded  rest      // of one that may have begun in a part without a header
	at        int64     // how many bytes of the body have been decided
	doubtful  int       // how many bytes must follow a doubtful delimiter before it is examined again
	words     int       // how many encoded words have been seen where servers may decode them
	searched  int       // how many bytes of what is held before a part's content have been searched
	cleared   int64     // up to which offset of the body doubtful delimiters have been examined

	held       []byte // read, but not decided: goes before what is read next
	ready      []byte // decided, but not returned
	scratch    []byte // read into if the caller's buffer is too small
	emptyReads int    // in a row, from the source
	err        error  // ends the form, once ready has been returned
	files      atomic.Int64
	closed     atomic.Bool

	// Room for what nearly all forms need, so that an editor is one allocation.
	delimiterInit [len("\r\n--") + 72]byte
	heldInit      [128]byte // most of what is ever held is shorter than a delimiter
	valueInit     [32]byte  // a public key has 20 characters
	readyInit     [384]byte // two fields and the closing delimiter
}

const (
	// readRoom is the smallest room that is read into, in bytes. If the caller's
	// buffer has less behind what is held, the editor reads into one of its own.
	readRoom = 512
	// scratchRoom is how much larger than needed that buffer is, in bytes, so that it
	// is not allocated again for each read.
	scratchRoom = 4 << 10
	// maxEmptyReads is how often in a row the source may return neither bytes nor an
	// error before Read fails with io.ErrNoProgress, as in package bufio.
	maxEmptyReads = 100
	// searchSize is from how many bytes on a search is worth its preparation.
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

// Read implements [io.Reader]. It reads from the source as much as p has room for,
// and returns all of it that has been decided, whatever parts it belongs to. An error
// of the source, of the form or of the edit is returned after the bytes before it.
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

// takeReady appends what is ready to the n bytes in p. It returns how many bytes p has
// then, and the error that ends the form once nothing is left.
func (e *Editor) takeReady(p []byte, n int) (int, error) {
	taken := copy(p[n:], e.ready)
	e.ready = e.ready[taken:]
	if len(e.ready) > 0 {
		return n + taken, nil
	}
	return n + taken, e.err
}

// fill reads once from the source into buf, behind what is held, and edits buf in
// place. It returns how many bytes of buf have been decided, and holds the rest.
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

// end ends the form with err. The pooled search table is released here, within Read,
// and not by Close, which may run while Read uses it. If Read is not called again, the
// garbage collector frees it.
func (e *Editor) end(err error) {
	e.err = err
	e.search.release()
}

// Files returns how many parts that have passed so far are files. It may be called while
// Read is running.
func (e *Editor) Files() int64 { return e.files.Load() }

// Close closes the source, which also ends a Read that waits for it. Afterwards Read
// returns ErrClosed, and Fresh is not called any more.
func (e *Editor) Close() error {
	e.closed.Store(true)
	return e.src.Close()
}

// Interface guard
var _ io.ReadCloser = (*Editor)(nil)

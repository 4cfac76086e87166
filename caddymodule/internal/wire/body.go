// SPDX-License-Identifier: Apache-2.0

package wire

import "io"

// Body is a request body of unknown length. An HTTP/1.1 client sends such a body
// chunked, one chunk for each write, and copies it 32 KiB at a time unless it is an
// [io.WriterTo]. As one, a Body makes chunks as large as the pieces of a [Conn].
type Body struct {
	io.ReadCloser
	// Small limits chunks to [SmallBuffer] bytes.
	Small bool
}

// WriteTo implements [io.WriterTo]. It returns how many bytes of the body have been
// written, and the first error of w or of the body.
func (b *Body) WriteTo(w io.Writer) (int64, error) {
	var s sender
	s.init(func(p []byte) error {
		_, err := w.Write(p)
		return err
	}, b.Small)
	return s.send(b.ReadCloser)
}

// Interface guard
var _ io.WriterTo = (*Body)(nil)

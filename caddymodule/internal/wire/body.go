// SPDX-License-Identifier: Apache-2.0

package wire

import "io"

// Body is a body of unknown length, which an HTTP/1.1 client sends in chunks:
// they are made as large as what a [Conn] would write.
type Body struct {
	io.ReadCloser
	// Small says that no chunk is to have more than [SmallBuffer] bytes.
	Small bool
}

// WriteTo implements [io.WriterTo].
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

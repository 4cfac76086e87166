// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

const (
	// partBufferSize is how much of a body is buffered, in bytes. It must have room for a
	// delimiter.
	partBufferSize = 32 << 10
	// maxPartHeaderLength bounds the header of one part, in bytes. Servers have limits
	// from 8 KiB (multer) to none at all.
	maxPartHeaderLength = 64 << 10
)

var errPartHeader = errors.New("a part's header cannot be read")

// partReader reads a multipart/form-data body (RFC 7578) part by part: next goes to a part,
// and Read reads its content. It is as lenient as most servers, and more so than package
// mime/multipart, which fails if more than a line end follows the closing delimiter, or if
// it cannot parse a file name.
type partReader struct {
	body      *bufio.Reader
	delimiter []byte // CRLF + "--" + boundary
	closed    bool   // the closing delimiter has been read
}

// newPartReader returns a reader of the parts of body.
func newPartReader(body io.Reader, boundary string) *partReader {
	// The first delimiter has no line end before it. With one added, all are alike.
	withStart := io.MultiReader(strings.NewReader("\r\n"), body)
	return &partReader{bufio.NewReaderSize(withStart, partBufferSize), []byte("\r\n--" + boundary), false}
}

// next goes to the next part and returns its header. The error is io.EOF behind the closing
// delimiter, and io.ErrUnexpectedEOF if the body ends before it.
func (p *partReader) next() (partHeader, error) {
	if p.closed {
		return partHeader{}, io.EOF
	}
	if _, err := io.Copy(io.Discard, p); err != nil { // the rest of the part before, or the preamble
		return partHeader{}, err
	}
	// Read has stopped at a delimiter, all of which is in the buffer.
	window, _ := p.body.Peek(p.body.Buffered())
	closing, end := p.delimiterEnd(window)
	if _, err := p.body.Discard(end); err != nil {
		return partHeader{}, err
	}
	if p.closed = closing; closing {
		return partHeader{}, io.EOF
	}
	return p.readHeader()
}

// Read implements [io.Reader]. It returns io.EOF at the next delimiter.
func (p *partReader) Read(into []byte) (int, error) {
	// Each round waits for at least one byte more than there are. So content is returned as
	// it arrives, except for what may be the beginning of a delimiter.
	for wanted := 1; ; wanted = p.body.Buffered() + 1 {
		_, err := p.body.Peek(wanted)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		window, _ := p.body.Peek(p.body.Buffered())
		length, found := p.content(window, err != nil)
		if length == 0 && !found && len(window) == partBufferSize {
			length = 1 // a delimiter with so many blanks is none: or it would never be decided
		}
		switch {
		case length > 0:
			return p.body.Read(into[:min(length, len(into))])
		case found:
			return 0, io.EOF
		case err != nil:
			return 0, io.ErrUnexpectedEOF
		}
	}
}

// content returns how many bytes at the beginning of window are content, and whether a
// delimiter follows them. What may turn out to be a delimiter is not counted, unless last
// says that no more bytes follow.
func (p *partReader) content(window []byte, last bool) (length int, found bool) {
	for {
		at := bytes.Index(window[length:], p.delimiter)
		if at < 0 {
			break
		}
		length += at
		_, end := p.delimiterEnd(window[length:])
		switch {
		case end > 0:
			return length, true
		case end < 0 && !last:
			return length, false
		}
		length++ // a line of the content that begins with the boundary, and goes on
	}
	if last {
		return len(window), false
	}
	// The end of the window may be the beginning of a delimiter.
	for ; length < len(window); length++ {
		if window[length] == '\r' && bytes.HasPrefix(p.delimiter, window[length:]) {
			break
		}
	}
	return length, false
}

// delimiterEnd returns the end of the delimiter at the beginning of window, and whether it
// is the closing one, behind which anything may follow. The end is 0 if it is no delimiter,
// and -1 if more bytes are needed to decide.
func (p *partReader) delimiterEnd(window []byte) (closing bool, end int) {
	rest := window[len(p.delimiter):]
	if bytes.HasPrefix(rest, []byte("--")) {
		return true, len(p.delimiter) + len("--")
	}
	line := bytes.TrimLeft(rest, " \t") // RFC 2046's transport-padding
	switch {
	case bytes.HasPrefix(line, []byte("\r\n")):
		return false, len(window) - len(line) + len("\r\n")
	case len(line) == 0, string(line) == "\r", string(rest) == "-":
		return false, -1
	default:
		return false, 0
	}
}

// readHeader reads a part's header and the empty line behind it. A bare LF ends a line, too,
// as in most servers.
func (p *partReader) readHeader() (partHeader, error) {
	var lines []string
	for left := maxPartHeaderLength; ; {
		line, err := p.readLine(left)
		left -= len(line)
		line = strings.TrimRight(line, "\r\n")
		switch {
		case errors.Is(err, io.EOF):
			return partHeader{}, io.ErrUnexpectedEOF
		case err != nil:
			return partHeader{}, err
		case line == "":
			return parsePartHeader(lines)
		case line[0] != ' ' && line[0] != '\t':
			lines = append(lines, line)
		case len(lines) == 0: // it continues nothing
			return partHeader{}, errPartHeader
		default: // folded (RFC 5322, section 2.2.3)
			lines[len(lines)-1] += " " + strings.TrimLeft(line, " \t")
		}
	}
}

// readLine reads a line of at most limit bytes, including its end.
func (p *partReader) readLine(limit int) (string, error) {
	var line strings.Builder
	for {
		piece, err := p.body.ReadSlice('\n')
		line.Write(piece)
		switch {
		case line.Len() > limit:
			return "", errPartHeader
		case !errors.Is(err, bufio.ErrBufferFull):
			return line.String(), err
		}
	}
}

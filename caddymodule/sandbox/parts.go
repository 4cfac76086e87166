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
	// partBufferSize is how much of a body is held.
	partBufferSize = 32 << 10
	// maxPartHeaderLength bounds the header of one part, in bytes. Servers have
	// bounds from 8 KiB (multer) to none at all.
	maxPartHeaderLength = 64 << 10
)

var errPartHeader = errors.New("a part's header cannot be read")

// partReader reads a multipart/form-data body (RFC 7578) part by part, and its
// Read the content of the part that next has opened. It is as lenient as most
// servers are, and more so than package mime/multipart, which gives up over a
// closing delimiter that more than a line end follows, and over what it cannot
// understand in a file's name.
type partReader struct {
	body      *bufio.Reader
	delimiter []byte // from the line end before it to the boundary's last byte
	closed    bool
}

func newPartReader(body io.Reader, boundary string) *partReader {
	// The first delimiter needs no line end before it: it has one here.
	withStart := io.MultiReader(strings.NewReader("\r\n"), body)
	return &partReader{bufio.NewReaderSize(withStart, partBufferSize), []byte("\r\n--" + boundary), false}
}

// next goes to the next part and returns its header. It returns io.EOF behind
// the closing delimiter; a body that ends before one is io.ErrUnexpectedEOF.
func (p *partReader) next() (partHeader, error) {
	if p.closed {
		return partHeader{}, io.EOF
	}
	if _, err := io.Copy(io.Discard, p); err != nil { // of the part before, or the preamble
		return partHeader{}, err
	}
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

// Read reads content up to the next delimiter, and there returns io.EOF.
func (p *partReader) Read(into []byte) (int, error) {
	for wanted := 1; ; wanted = p.body.Buffered() + 1 {
		_, err := p.body.Peek(wanted)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		window, _ := p.body.Peek(p.body.Buffered())
		length, found := p.content(window, err != nil)
		if length == 0 && !found && len(window) == partBufferSize {
			length = 1 // a delimiter has not that many blanks
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

// content returns how many bytes at the beginning of window are content, and
// whether a delimiter follows them. Unless window is all that is left, what may
// turn out to be a delimiter with the bytes to come is not counted.
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
		length++ // the boundary goes on: a line of the content that begins like one
	}
	if last {
		return len(window), false
	}
	for ; length < len(window); length++ {
		if window[length] == '\r' && bytes.HasPrefix(p.delimiter, window[length:]) {
			break
		}
	}
	return length, false
}

// delimiterEnd returns where the delimiter ends with which window begins, and
// whether it is the closing one: then, whatever follows is no part of the form.
// The end is 0 if it is no delimiter, and -1 if more bytes have to tell.
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

// readHeader reads a part's header with the empty line behind it.
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
		case len(lines) == 0:
			return partHeader{}, errPartHeader
		default: // folded (RFC 5322, section 2.2.3)
			lines[len(lines)-1] += " " + strings.TrimLeft(line, " \t")
		}
	}
}

// readLine reads a line of at most limit bytes with its end.
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

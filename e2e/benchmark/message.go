// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http/httputil"
	"strconv"
)

// readAhead is the size of read buffers, in bytes: a small upload is one system call.
const readAhead = 64 << 10

// head is the part of an HTTP/1.1 message's head that the benchmark needs. It is parsed with
// as little work as possible: clients, contenders and sink share the processors.
type head struct {
	start       string
	length      int64 // -1: chunked
	contentType string
	verify      bool
}

// readHead reads a head. The error is io.EOF if the connection ends before one.
func readHead(reader *bufio.Reader) (head, error) {
	line, err := reader.ReadSlice('\n')
	if err != nil {
		if len(line) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return head{}, err
	}
	// Only what outlives the next ReadSlice is copied.
	message := head{start: string(bytes.TrimRight(line, "\r\n"))}
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return message, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return message, nil
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if message.length, err = strconv.ParseInt(string(value), 10, 64); err != nil {
				return message, err
			}
		case bytes.EqualFold(name, []byte("Content-Type")):
			message.contentType = string(value)
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			message.length = -1
		case bytes.EqualFold(name, []byte(verifyHeader)):
			message.verify = true
		}
	}
}

// body returns a reader of the body.
func (h head) body(reader *bufio.Reader) io.Reader {
	if h.length < 0 {
		return httputil.NewChunkedReader(reader)
	}
	return io.LimitReader(reader, h.length)
}

// readTrailer reads what follows the chunks. Only an empty line is expected.
func (h head) readTrailer(reader *bufio.Reader) error {
	if h.length >= 0 {
		return nil
	}
	line, err := reader.ReadSlice('\n')
	if err == nil && len(bytes.TrimRight(line, "\r\n")) > 0 {
		err = errors.New("there is a trailer")
	}
	return err
}

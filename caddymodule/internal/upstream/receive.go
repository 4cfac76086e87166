// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
)

// defaultAnswerHeader is how large the header of an answer may be, in bytes,
// as in net/http.
const defaultAnswerHeader = 10 << 20

var errHeaderTooLarge = errors.New("the header of the answer is too large")

func (c *persistentConn) maxHeader() int64 {
	if limit := c.client.transport.MaxResponseHeaderBytes; limit > 0 {
		return limit
	}
	return defaultAnswerHeader
}

// receive reads the answer, as far as its body.
func (c *persistentConn) receive(r *http.Request, trace *httptrace.ClientTrace) (*http.Response, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if trace != nil && trace.GotFirstResponseByte != nil {
		if _, err := c.reader.Peek(1); err == nil {
			trace.GotFirstResponseByte()
		}
	}
	for {
		response, err := http.ReadResponse(c.reader, r)
		if err != nil {
			return nil, err
		}
		switch status := response.StatusCode; {
		case status == http.StatusSwitchingProtocols: // which nobody asked for
			response.Close = true
		case status < http.StatusOK:
			if trace != nil && trace.Got1xxResponse != nil {
				if err := trace.Got1xxResponse(status, textproto.MIMEHeader(response.Header)); err != nil {
					return nil, err
				}
				c.limit = c.maxHeader() // who has seen it counts them
			}
			continue
		}
		c.limit = math.MaxInt64
		c.stopAwaiting()
		return response, nil
	}
}

// read reads from the connection what the answer's reader has room for.
func (c *persistentConn) read(p []byte) (int, error) {
	if c.limit <= 0 {
		return 0, errHeaderTooLarge
	}
	n, err := c.conn.Read(p[:min(int64(len(p)), c.limit)])
	c.received += int64(n)
	c.limit -= int64(n)
	return n, err
}

// readerFunc is a function that reads.
type readerFunc func(p []byte) (int, error)

// Read implements [io.Reader].
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Interface guard
var _ io.Reader = readerFunc(nil)

// SPDX-License-Identifier: Apache-2.0

package client

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
)

// defaultResponseHeader is how large the header of a response may be, in bytes,
// as in net/http.
const defaultResponseHeader = 10 << 20

var errHeaderTooLarge = errors.New("the header of the response is too large")

func (c *persistentConn) maxHeader() int64 {
	if limit := c.client.transport.MaxResponseHeaderBytes; limit > 0 {
		return limit
	}
	return defaultResponseHeader
}

// receive reads the response, as far as its body.
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
		case status/100 == 1:
			if err := c.tell(response, trace); err != nil {
				return nil, err
			}
			continue
		}
		c.limit = math.MaxInt64
		c.stopAwaiting()
		return response, nil
	}
}

// tell passes an interim response on.
func (c *persistentConn) tell(response *http.Response, trace *httptrace.ClientTrace) error {
	if trace == nil || trace.Got1xxResponse == nil {
		return nil
	}
	c.limit = c.maxHeader() // who has seen it counts them
	return trace.Got1xxResponse(response.StatusCode, textproto.MIMEHeader(response.Header))
}

// nextStatus reads interim responses, and returns the first digit of the next
// status, which it leaves there.
func (c *persistentConn) nextStatus(r *http.Request, trace *httptrace.ClientTrace) (byte, error) {
	for {
		status, err := c.peekStatus()
		if err != nil {
			return 0, err
		}
		if status[0] != '1' || status == "101" {
			return status[0], nil
		}
		response, err := http.ReadResponse(c.reader, r)
		if err != nil { // a timeout, too: what has been read is lost
			return 0, fmt.Errorf("in an interim response: %v", err) //nolint:errorlint // see above
		}
		_ = response.Body.Close() // it has none
		if err := c.tell(response, trace); err != nil {
			return 0, err
		}
	}
}

// peekStatus returns the next status, or something else that is none.
func (c *persistentConn) peekStatus() (string, error) {
	const before, whole = len("HTTP/1.1 "), len("HTTP/1.1 200")
	for n := 1; ; n++ {
		line, err := c.reader.Peek(n)
		switch {
		case err != nil:
			return "", err
		case line[n-1] == '\n':
			return "-", nil
		case n == whole:
			return string(line[before:]), nil
		}
	}
}

// responseReader reads from the connection what the response's reader has room for.
type responseReader persistentConn

// Read implements [io.Reader].
func (r *responseReader) Read(p []byte) (int, error) {
	if r.limit <= 0 {
		return 0, errHeaderTooLarge
	}
	n, err := r.conn.Read(p[:min(int64(len(p)), r.limit)])
	r.received += int64(n)
	r.limit -= int64(n)
	return n, err
}

// Interface guard
var _ io.Reader = (*responseReader)(nil)

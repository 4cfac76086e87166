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

// defaultMaxHeader is the size of the largest response header, in bytes, as in
// net/http.
const defaultMaxHeader = 10 << 20

var errHeaderTooLarge = errors.New("the response header is too large")

// maxHeader returns the limit of a response's header in bytes.
func (c *persistentConn) maxHeader() int64 {
	if limit := c.client.transport.MaxResponseHeaderBytes; limit > 0 {
		return limit
	}
	return defaultMaxHeader
}

// receive reads the response's header, and those of interim responses before it.
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
		case status == http.StatusSwitchingProtocols: // unrequested: what follows is not HTTP/1.1
			response.Close = true
		case status/100 == 1:
			if err := c.forwardInterim(response, trace); err != nil {
				return nil, err
			}
			continue
		}
		c.limit = math.MaxInt64
		c.stopHeaderTimeout()
		return response, nil
	}
}

// forwardInterim passes an interim response on to the trace, as net/http does.
func (c *persistentConn) forwardInterim(response *http.Response, trace *httptrace.ClientTrace) error {
	if trace == nil || trace.Got1xxResponse == nil {
		return nil
	}
	// As in net/http: a trace that handles interim responses also bounds their
	// number, so each has the whole limit for its header.
	c.limit = c.maxHeader()
	return trace.Got1xxResponse(response.StatusCode, textproto.MIMEHeader(response.Header))
}

// nextStatus consumes interim responses and returns the first digit of the first
// status that is none. That response stays in the reader, for receive to read.
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
		// ReadResponse consumes what it reads, so even after a timeout it could not
		// be called again. %v hides the timeout from isTimeout for that reason.
		if err != nil {
			return 0, fmt.Errorf("in an interim response: %v", err) //nolint:errorlint // see above
		}
		_ = response.Body.Close() // an interim response has no body
		if err := c.forwardInterim(response, trace); err != nil {
			return 0, err
		}
	}
}

// peekStatus returns the three digits of the next status line without consuming
// it. It returns "-" if the line is too short to be one: that is for receive to
// report.
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

// responseReader reads from the connection, and bounds and counts what it reads: an
// upstream must not fill the memory with a header without an end.
type responseReader persistentConn

// Read implements [io.Reader].
func (r *responseReader) Read(p []byte) (int, error) {
	if r.limit <= 0 {
		return 0, errHeaderTooLarge
	}
	n, err := r.conn.Read(p[:min(int64(len(p)), r.limit)])
	if r.received == 0 && n > 0 && r.network != nil && r.arrival.tooSoon(r.network.roundTrip) {
		r.noReuse.Store(true)
	}
	r.received += int64(n)
	r.limit -= int64(n)
	return n, err
}

// Interface guard
var _ io.Reader = (*responseReader)(nil)

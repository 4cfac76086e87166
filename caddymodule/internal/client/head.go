// SPDX-License-Identifier: Apache-2.0

package client

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// defaultUserAgent is what net/http sends if the request has no User-Agent.
const defaultUserAgent = "Go-http-client/1.1"

// maxRetainedHead is the largest buffer for heads, in bytes, that a connection
// retains for the next request. One request with a huge header must not pin as
// much memory for as long as the connection stays idle.
const maxRetainedHead = 16 << 10

var (
	errInvalidTarget = errors.New("a control character in the request target")
	// errBodyLength is for a body that is longer or shorter than announced. What is
	// left of it would be read as the beginning of the next request.
	errBodyLength = errors.New("the body is not as long as its Content-Length")
)

// headSender is a connection that sends the head of a request and a body of known
// length in one write if they are small, as a [wire.Conn] does.
type headSender interface {
	Send(head []byte, body io.Reader) (int64, error)
}

// isPlain reports whether writePlain can write a request: it has a body of known
// length, and no trace wants to be called in the course of writing.
func isPlain(r *http.Request, trace *httptrace.ClientTrace) bool {
	if r.ContentLength <= 0 || len(r.TransferEncoding) > 0 || len(r.Trailer) > 0 {
		return false
	}
	return trace == nil || trace.WroteHeaderField == nil && trace.WroteHeaders == nil && trace.WroteRequest == nil
}

// writePlain writes a request as [http.Request.Write] does, but for the order of
// header fields. Write handles every kind of request through several layers of
// writers, which takes as long as all else that this process does to send a small
// upload.
func (c *persistentConn) writePlain(to headSender, s *sending) error {
	defer s.Close()
	head, err := appendHead(c.head[:0], s.request)
	if cap(head) <= maxRetainedHead {
		c.head = head
	}
	if err != nil {
		return err
	}
	s.limited = io.LimitedReader{R: s, N: s.request.ContentLength}
	if _, c.writeErr = to.Send(head, &s.limited); c.writeErr != nil {
		return c.writeErr
	}
	// The body must end where announced: one byte more and the upstream would take
	// it for the next request (RFC 9112, section 11.2).
	var more [1]byte
	if n, err := io.ReadAtLeast(s, more[:], 1); n > 0 || s.limited.N > 0 || err == nil {
		return fmt.Errorf("%w, %d", errBodyLength, s.request.ContentLength)
	}
	return s.err
}

// appendHead appends the request line and header of a request whose header fields
// have been validated (RFC 9112, sections 3 and 5). Fields for which net/http has
// places of its own in [http.Request] are taken from there.
func appendHead(b []byte, r *http.Request) ([]byte, error) {
	target := r.URL.RequestURI()
	if strings.ContainsFunc(target, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return b, errInvalidTarget
	}
	address := r.Host
	if address == "" {
		address = r.URL.Host
	}
	address, err := httpguts.PunycodeHostPort(address)
	if err != nil {
		return b, err
	}
	if !httpguts.ValidHostHeader(address) { // an empty Host, as net/http sends, rather than one that breaks the head
		address = ""
	}
	method := cmp.Or(r.Method, http.MethodGet)
	b = append(append(append(b, method...), ' '), target...)
	b = append(b, " HTTP/1.1\r\n"...)
	b = appendField(b, "Host", withoutZone(address))
	agents, ok := r.Header["User-Agent"]
	if !ok {
		b = appendField(b, "User-Agent", defaultUserAgent)
	} else if len(agents) > 0 && agents[0] != "" { // an empty one means in net/http that none is sent
		b = appendField(b, "User-Agent", agents[0])
	}
	b = append(b, "Content-Length: "...)
	b = append(strconv.AppendInt(b, r.ContentLength, 10), "\r\n"...)
	for name, values := range r.Header {
		switch name {
		case "Host", "User-Agent", "Content-Length", "Transfer-Encoding", "Trailer":
			continue
		}
		for _, value := range values {
			b = appendField(b, name, value)
		}
	}
	return append(b, "\r\n"...), nil
}

// appendField appends a header field, without the blanks around its value that are
// no part of it (RFC 9110, section 5.5).
func appendField(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	return append(append(b, strings.Trim(value, " \t")...), "\r\n"...)
}

// withoutZone returns an address without the zone of an IPv6 address, which means
// something on this machine alone and must not be sent (RFC 6874, section 4).
func withoutZone(address string) string {
	zone := strings.IndexByte(address, '%')
	if zone < 0 || address[0] != '[' {
		return address
	}
	end := strings.IndexByte(address[zone:], ']')
	if end < 0 {
		return address
	}
	return address[:zone] + address[zone+end:]
}

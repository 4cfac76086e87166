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

// defaultUserAgent is what net/http says if nothing is to be said.
const defaultUserAgent = "Go-http-client/1.1"

// maxKeptHead is the largest buffer of a head that a connection keeps, in bytes.
const maxKeptHead = 16 << 10

var (
	errInvalidTarget = errors.New("a control character in the address")
	// errBodyLength is for a body that is longer or shorter than was announced.
	errBodyLength = errors.New("the body is not as long as its Content-Length")
)

// headSender is a connection that sends a body of known length together with the
// head before it, as a [wire.Conn] does.
type headSender interface {
	Send(head []byte, body io.Reader) (int64, error)
}

// isPlain reports whether a request is one that writePlain writes: with a body
// of known length, and nobody who looks on.
func isPlain(r *http.Request, trace *httptrace.ClientTrace) bool {
	if r.ContentLength <= 0 || len(r.TransferEncoding) > 0 || len(r.Trailer) > 0 {
		return false
	}
	return trace == nil || trace.WroteHeaderField == nil && trace.WroteHeaders == nil && trace.WroteRequest == nil
}

// writePlain writes a request. It does the same as [http.Request.Write], which
// does it for all kinds of requests and takes as long as all else that sending a
// small body takes in this process.
func (c *persistentConn) writePlain(to headSender, s *sending) error {
	defer s.Close()
	head, err := appendHead(c.head[:0], s.request)
	if cap(head) <= maxKeptHead {
		c.head = head
	}
	if err != nil {
		return err
	}
	s.limited = io.LimitedReader{R: s, N: s.request.ContentLength}
	if _, c.writeErr = to.Send(head, &s.limited); c.writeErr != nil {
		return c.writeErr
	}
	var more [1]byte
	if n, err := io.ReadAtLeast(s, more[:], 1); n > 0 || s.limited.N > 0 || err == nil {
		return fmt.Errorf("%w, %d", errBodyLength, s.request.ContentLength)
	}
	return s.err
}

// appendHead appends the head of a request whose header has been validated (RFC
// 9112, section 3).
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
	if !httpguts.ValidHostHeader(address) {
		address = ""
	}
	method := cmp.Or(r.Method, http.MethodGet)
	b = append(append(append(b, method...), ' '), target...)
	b = append(b, " HTTP/1.1\r\n"...)
	b = appendField(b, "Host", withoutZone(address))
	agents, ok := r.Header["User-Agent"]
	if !ok {
		b = appendField(b, "User-Agent", defaultUserAgent)
	} else if len(agents) > 0 && agents[0] != "" { // as net/http, which is told so to say nothing
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

func appendField(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	return append(append(b, strings.Trim(value, " \t")...), "\r\n"...)
}

// withoutZone returns an address without the zone of IPv6, which is nobody
// else's (RFC 6874).
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

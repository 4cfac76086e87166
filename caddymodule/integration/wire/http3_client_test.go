// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"
	"golang.org/x/net/http2/hpack"
)

// Types of frames and streams of HTTP/3: RFC 9114, sections 6.2 and 7.2.
const (
	frameData     = 0x00
	frameHeaders  = 0x01
	frameSettings = 0x04
	framePush     = 0x05
	frameGoAway   = 0x07
	frameUnknown  = 0x21 // reserved, for no meaning
	streamControl = 0x00
	streamPush    = 0x01
	streamUnknown = 0x21

	requestCancelled quic.StreamErrorCode = 0x10c
)

// http3Client writes frames of HTTP/3, also such as no client should.
type http3Client struct {
	*quic.Conn
	address string
	control *quic.SendStream
}

// http3Stream is one of them, that a request is sent on.
type http3Stream struct {
	*quic.Stream
}

// dialHTTP3 begins a connection.
func dialHTTP3(address string, config *quic.Config) (*http3Client, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	secure := &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", NextProtos: []string{"h3"}}
	connection, err := quic.DialAddr(ctx, address, secure, config)
	if err != nil {
		return nil, err
	}
	c := &http3Client{Conn: connection, address: address}
	if c.control, err = connection.OpenUniStream(); err == nil {
		_, err = c.control.Write(frame(quicvarint.Append(nil, streamControl), frameSettings, nil))
	}
	return c, err
}

func (c *http3Client) close() { _ = c.CloseWithError(0x100, "") }

// frame appends a frame.
func frame(b []byte, kind uint64, payload []byte) []byte {
	return append(quicvarint.Append(quicvarint.Append(b, kind), uint64(len(payload))), payload...)
}

// headers returns a frame with a header, of literals alone: RFC 9204, section 4.5.6.
func headers(fields ...string) []byte {
	block := []byte{0, 0}
	for i := 0; i+1 < len(fields); i += 2 {
		block = append(appendInteger(block, 0x20, 3, len(fields[i])), fields[i]...)
		block = append(appendInteger(block, 0, 7, len(fields[i+1])), fields[i+1]...)
	}
	return frame(nil, frameHeaders, block)
}

// appendInteger appends an integer behind the first bits of a byte: RFC 7541, section 5.1.
func appendInteger(b []byte, first byte, bits, n int) []byte {
	most := 1<<bits - 1
	if n < most {
		return append(b, first|byte(n))
	}
	b = append(b, first|byte(most))
	for n -= most; n >= 128; n >>= 7 {
		b = append(b, byte(n%128)|128)
	}
	return append(b, byte(n))
}

func data(text string) []byte { return frame(nil, frameData, []byte(text)) }

// head returns the fields of an upload: see [http2Client.head].
func (c *http3Client) head(canary string, length int, more ...string) []string {
	return (&http2Client{address: c.address}).head(canary, length, more...)
}

// begin sends frames on a new stream. A connection that has ended gives one on which
// nothing comes.
func (c *http3Client) begin(frames ...[]byte) *http3Stream {
	stream, err := c.OpenStream()
	if err != nil {
		return new(http3Stream)
	}
	s := &http3Stream{stream}
	s.send(frames...)
	return s
}

// send sends frames.
func (s *http3Stream) send(frames ...[]byte) {
	if s.Stream != nil {
		_, _ = s.Write(bytes.Join(frames, nil))
	}
}

// end ends what the client sends.
func (s *http3Stream) end() *http3Stream {
	if s.Stream != nil {
		_ = s.Close()
	}
	return s
}

// reset ends the stream in both directions.
func (s *http3Stream) reset(code quic.StreamErrorCode) {
	if s.Stream != nil {
		s.CancelWrite(code)
		s.CancelRead(code)
	}
}

// sound sends an upload without anything odd.
func (c *http3Client) sound(canary string) *http3Stream {
	body := upload.body(canary)
	return c.begin(headers(c.head(canary, len(body))...), data(body)).end()
}

// await reads a response until its end, or until nothing has come for the time given.
func (s *http3Stream) await(wait time.Duration) *response {
	if s.Stream == nil {
		return &response{err: io.ErrClosedPipe}
	}
	_ = s.SetReadDeadline(time.Now().Add(wait))
	content, err := io.ReadAll(s.Stream)
	r := readHTTP3(content)
	switch {
	case r.status != 0:
		r.whole = err == nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		r.err = errSilent
	case err == nil:
		r.err = io.ErrUnexpectedEOF
	default:
		r.err = err
	}
	return r
}

// readHTTP3 reads the frames of a response.
func readHTTP3(content []byte) *response {
	r := &response{header: make(http.Header)}
	for len(content) > 0 {
		kind, n, err := quicvarint.Parse(content)
		if err != nil {
			return r
		}
		length, m, err := quicvarint.Parse(content[n:])
		if err != nil {
			return r
		}
		content = content[n+m:]
		payload := content[:min(uint64(len(content)), length)]
		content = content[len(payload):]
		switch kind {
		case frameData:
			r.body += string(payload)
		case frameHeaders:
			switch status := statusOf(payload); {
			case status == 0: // a trailer
			case status < http.StatusOK:
				r.interim = append(r.interim, status)
			default:
				r.status = status
			}
		}
	}
	return r
}

// staticStatuses are those in QPACK's static table, by their index: RFC 9204, appendix A.
var staticStatuses = map[byte]int{24: 103, 25: 200, 26: 304, 27: 404, 28: 503, 63: 100, 64: 204, 65: 206, 66: 302, 67: 400, 68: 403, 69: 421, 70: 425, 71: 500}

// statusOf returns the status in a block of a response, whose first field it is.
func statusOf(block []byte) int {
	const prefix = 2 // of every block
	if len(block) < prefix+3 {
		return 0
	}
	block = block[prefix:]
	if block[0]&0xc0 == 0xc0 { // an indexed field of the static table
		if index := block[0] & 0x3f; index < 0x3f {
			return staticStatuses[index]
		}
		return staticStatuses[0x3f+block[1]]
	}
	if block[0]&0xf0 != 0x50 { // no literal with a name of the static table
		return 0
	}
	at := 1
	if block[0]&0x0f == 0x0f {
		at = 2
	}
	value := string(block[at+1 : min(len(block), at+1+int(block[at]&0x7f))])
	if block[at]&0x80 != 0 {
		value, _ = hpack.HuffmanDecodeToString([]byte(value))
	}
	status, _ := strconv.Atoi(value)
	return status
}

// sendHTTP3 sends one upload on a connection of its own.
func (g *gateway) sendHTTP3(id string) *response {
	c, err := dialHTTP3(g.address, nil)
	if err != nil {
		return &response{err: err}
	}
	defer c.close()
	return c.sound(id).await(patience)
}

// prepareHTTP3 is prepare for a gateway with TLS.
func (g *gateway) prepareHTTP3(id string) error {
	g.upstream.forget()
	var got *response
	for range 5 {
		if got = g.sendHTTP3(id); got.isOwn(id) {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("a sound upload got %v", got)
}

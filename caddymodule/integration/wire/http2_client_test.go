// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// http2Client writes frames of HTTP/2, also such as no client should.
type http2Client struct {
	*http2.Framer
	connection *tls.Conn
	address    string
	header     bytes.Buffer
	encoder    *hpack.Encoder
	streams    map[uint32]*stream
	last       uint32 // the stream that was begun last
	ended      bool   // the connection, or the gateway has said that it will end
}

// stream is what came on one.
type stream struct {
	response
	done bool // it has ended, or was reset
}

var errReset = errors.New("the stream was reset")

// dialHTTP2 begins a connection with settings of the client's.
func dialHTTP2(address string, settings ...http2.Setting) (*http2Client, error) {
	connection, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", NextProtos: []string{"h2"}})
	if err != nil {
		return nil, err
	}
	_ = connection.SetDeadline(time.Now().Add(limit))
	c := &http2Client{Framer: http2.NewFramer(connection, connection), connection: connection, address: address, streams: make(map[uint32]*stream)}
	c.encoder = hpack.NewEncoder(&c.header)
	c.AllowIllegalWrites = true
	c.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_, _ = io.WriteString(connection, http2.ClientPreface)
	_ = c.WriteSettings(settings...)
	return c, nil
}

func (c *http2Client) close() { _ = c.connection.Close() }

// block encodes a header.
func (c *http2Client) block(fields ...string) []byte {
	c.header.Reset()
	for i := 0; i+1 < len(fields); i += 2 {
		_ = c.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(c.header.Bytes())
}

// next returns the id of a new stream.
func (c *http2Client) next() uint32 {
	if c.last == 0 {
		c.last = 1
	} else {
		c.last += 2
	}
	return c.last
}

// begin sends HEADERS on a new stream.
func (c *http2Client) begin(end bool, fields ...string) uint32 {
	id := c.next()
	_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.block(fields...), EndHeaders: true, EndStream: end})
	return id
}

// trail sends HEADERS on a stream that has begun: its trailer.
func (c *http2Client) trail(id uint32, end bool, fields ...string) {
	_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.block(fields...), EndHeaders: true, EndStream: end})
}

// data sends DATA, in frames of 16 KB at most.
func (c *http2Client) data(id uint32, end bool, text string) {
	const most = 16000
	for len(text) > most {
		_ = c.WriteData(id, false, []byte(text[:most]))
		text = text[most:]
	}
	_ = c.WriteData(id, end, []byte(text))
}

// head returns the fields of an upload with a canary, with a length unless that is below 0,
// and further ones.
func (c *http2Client) head(canary string, length int, more ...string) []string {
	fields := []string{":method", upload.method, ":scheme", "https", ":authority", c.address, ":path", upload.path, "content-type", upload.contentType, "x-canary", canary}
	if length >= 0 {
		fields = append(fields, "content-length", strconv.Itoa(length))
	}
	return append(fields, more...)
}

// sound sends an upload without anything odd, and returns its stream.
func (c *http2Client) sound(canary string) uint32 {
	body := upload.body(canary)
	id := c.begin(false, c.head(canary, len(body))...)
	c.data(id, true, body)
	return id
}

// await reads frames until a stream is done, the connection ends, or nothing has come for
// the time given.
func (c *http2Client) await(id uint32, wait time.Duration) *stream {
	s := c.stream(id)
	for !s.done {
		_ = c.connection.SetReadDeadline(time.Now().Add(wait))
		frame, err := c.ReadFrame()
		if _, ok := errors.AsType[http2.StreamError](err); ok {
			continue
		}
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				err = errSilent
			} else {
				c.ended = true
			}
			if s.status == 0 {
				s.err = err
			}
			return s
		}
		c.take(frame)
	}
	return s
}

// stream returns what came on a stream.
func (c *http2Client) stream(id uint32) *stream {
	if c.streams[id] == nil {
		c.streams[id] = new(stream)
	}
	return c.streams[id]
}

// take notes what a frame says, and acknowledges settings.
func (c *http2Client) take(frame http2.Frame) {
	s := c.stream(frame.Header().StreamID)
	switch frame := frame.(type) {
	case *http2.MetaHeadersFrame:
		c.takeHeaders(s, frame)
	case *http2.DataFrame:
		s.body += string(frame.Data())
		s.done, s.whole = frame.StreamEnded(), frame.StreamEnded()
	case *http2.RSTStreamFrame:
		if s.done = true; s.status == 0 {
			s.err = fmt.Errorf("%w: %v", errReset, frame.ErrCode)
		}
		s.whole = s.whole && frame.ErrCode == http2.ErrCodeNo
	case *http2.SettingsFrame:
		if !frame.IsAck() {
			_ = c.WriteSettingsAck()
		}
	case *http2.GoAwayFrame:
		c.ended = true
	}
}

// takeHeaders notes a response's header.
func (c *http2Client) takeHeaders(s *stream, frame *http2.MetaHeadersFrame) {
	status, _ := strconv.Atoi(frame.PseudoValue("status"))
	if status != 0 && status < http.StatusOK {
		s.interim = append(s.interim, status)
		return
	}
	if status != 0 {
		s.status, s.header, s.err = status, make(http.Header), nil // late is not never
	}
	for _, field := range frame.RegularFields() {
		s.header.Add(field.Name, field.Value)
	}
	s.done, s.whole = frame.StreamEnded(), frame.StreamEnded()
}

// afterwards sends a clean upload on the connection, and returns what has become of it.
func (c *http2Client) afterwards(canary string) string {
	if c.ended {
		return closed
	}
	got := c.await(c.sound(canary), limit)
	switch {
	case got.isOwn(canary):
		return usable
	case got.err == errSilent: //nolint:errorlint // it is not wrapped
		return strayed
	default:
		return closed
	}
}

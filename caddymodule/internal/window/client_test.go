// SPDX-License-Identifier: Apache-2.0

package window

import (
	"bytes"
	"crypto/tls"
	"io"
	"strconv"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frameClient is a client that sees each frame, and sends as its windows allow.
type frameClient struct {
	*tls.Conn
	framer    *http2.Framer
	piece     []byte
	settings  map[http2.SettingID]uint32
	window    int // of the connection: what it may send
	streams   map[uint32]int
	bodies    map[uint32]string
	ended     map[uint32]bool
	goingAway bool
	goAway    http2.ErrCode // the code of the one received
	silent    bool          // does not say how near it is
}

// dial connects a client, and waits for the server's windows.
func dial(t *testing.T, address string) *frameClient {
	t.Helper()
	//nolint:gosec // the certificate is a test's
	connection, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	_ = connection.SetDeadline(time.Now().Add(time.Minute))
	c := &frameClient{
		Conn: connection, framer: http2.NewFramer(connection, connection), piece: make([]byte, 16<<10), window: initial,
		settings: map[http2.SettingID]uint32{}, streams: map[uint32]int{}, bodies: map[uint32]string{}, ended: map[uint32]bool{}, silent: true,
	}
	if _, err := io.WriteString(connection, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	_ = c.framer.WriteSettings()
	for c.window == initial || len(c.settings) == 0 {
		if err := c.read(); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// request begins an upload of a known size.
func (c *frameClient) request(t *testing.T, stream uint32, size int) {
	t.Helper()
	var header bytes.Buffer
	encoder := hpack.NewEncoder(&header)
	// Without a table that would have to be kept.
	for _, field := range [][2]string{{":method", "POST"}, {":scheme", "https"}, {":authority", "localhost"}, {":path", "/"}, {"content-length", strconv.Itoa(size)}} {
		_ = encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1], Sensitive: true})
	}
	if err := c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: header.Bytes(), EndHeaders: true}); err != nil {
		t.Fatal(err)
	}
	c.streams[stream] = int(c.settings[http2.SettingInitialWindowSize])
}

// send sends n bytes of a stream, and waits for its window where it must.
func (c *frameClient) send(t *testing.T, stream uint32, n int) {
	t.Helper()
	for n > 0 {
		size := min(n, len(c.piece), c.window, c.streams[stream])
		if size <= 0 {
			if err := c.read(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := c.framer.WriteData(stream, false, c.piece[:size]); err != nil {
			t.Fatal(err)
		}
		n -= size
		c.window -= size
		c.streams[stream] -= size
	}
}

// upload is send, reading what has come after each window. It returns the largest window
// of the connection.
func (c *frameClient) upload(t *testing.T, stream uint32, n int) (most int) {
	t.Helper()
	for n > 0 {
		size := min(n, max(c.window, 1))
		c.send(t, stream, size)
		n -= size
		most = max(most, c.window)
	}
	return most
}

// fill sends until the window is full and nothing more comes for a while. It returns how
// many bytes those were.
func (c *frameClient) fill(t *testing.T, stream uint32, n int) (sent int) {
	t.Helper()
	for sent < n {
		if size := min(c.window, c.streams[stream], n-sent); size > 0 {
			c.send(t, stream, size)
			sent += size
			continue
		}
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		err := c.read()
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		if err != nil {
			break
		}
	}
	return sent
}

// response ends a stream, and returns the body of the response.
func (c *frameClient) response(t *testing.T, stream uint32) string {
	t.Helper()
	if err := c.framer.WriteData(stream, true, nil); err != nil {
		t.Fatal(err)
	}
	for !c.ended[stream] {
		if err := c.read(); err != nil {
			t.Fatal(err)
		}
	}
	return c.bodies[stream]
}

// read reads one frame.
func (c *frameClient) read() error {
	frame, err := c.framer.ReadFrame()
	if err != nil {
		return err
	}
	switch frame := frame.(type) {
	case *http2.SettingsFrame:
		if !frame.IsAck() {
			_ = frame.ForeachSetting(func(s http2.Setting) error { c.settings[s.ID] = s.Val; return nil })
			return c.framer.WriteSettingsAck()
		}
	case *http2.WindowUpdateFrame:
		if frame.StreamID == 0 {
			c.window += int(frame.Increment)
		} else {
			c.streams[frame.StreamID] += int(frame.Increment)
		}
	case *http2.PingFrame:
		if !c.silent {
			return c.framer.WritePing(true, frame.Data)
		}
	case *http2.DataFrame:
		c.bodies[frame.StreamID] += string(frame.Data())
		c.ended[frame.StreamID] = frame.StreamEnded()
	case *http2.GoAwayFrame:
		c.goingAway, c.goAway = true, frame.ErrCode
	case *http2.RSTStreamFrame:
		c.ended[frame.StreamID] = true
	}
	return nil
}

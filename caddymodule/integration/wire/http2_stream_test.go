// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http2"
)

// canaries returns the canary of a request within a case, by its part.
type canaries = func(part string) string

// soundFrames are what clients may send.
var soundFrames = []frames{
	{name: "a sound upload", want: arrives, play: func(c *http2Client, id canaries) []uint32 { return []uint32{c.sound(id("a"))} }},
	{name: "DATA of one byte each", want: arrives, play: func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		stream := c.begin(false, c.head(id("a"), len(body))...)
		for i := range len(body) {
			c.data(stream, false, body[i:i+1])
		}
		c.data(stream, true, "")
		return []uint32{stream}
	}},
	{name: "DATA with padding", want: arrives, play: func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		stream := c.begin(false, c.head(id("a"), len(body))...)
		_ = c.WriteDataPadded(stream, true, []byte(body), make([]byte, 255))
		return []uint32{stream}
	}},
	{name: "HEADERS and CONTINUATION", want: arrives, play: func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		block, stream := c.block(c.head(id("a"), len(body))...), c.next()
		_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block[:1]})
		_ = c.WriteContinuation(stream, false, block[1:5])
		_ = c.WriteContinuation(stream, true, block[5:])
		c.data(stream, true, body)
		return []uint32{stream}
	}},
	{name: "a priority in HEADERS", want: arrives, play: func(c *http2Client, id canaries) []uint32 {
		body, stream := upload.body(id("a")), c.next()
		_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.block(c.head(id("a"), len(body))...), EndHeaders: true, Priority: http2.PriorityParam{StreamDep: 0, Exclusive: true, Weight: 255}, PadLength: 10})
		c.data(stream, true, body)
		return []uint32{stream}
	}},
	{name: "PRIORITY", want: arrives, play: func(c *http2Client, id canaries) []uint32 {
		_ = c.WritePriority(c.last+1, http2.PriorityParam{StreamDep: 99, Weight: 1})
		stream := c.sound(id("a"))
		_ = c.WritePriority(stream, http2.PriorityParam{StreamDep: 0, Weight: 1})
		return []uint32{stream}
	}},
	{name: "frames of unknown kinds", want: arrives, play: func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		_ = c.WriteRawFrame(0x16, 0xff, 0, []byte("unknown"))
		stream := c.begin(false, c.head(id("a"), len(body))...)
		_ = c.WriteRawFrame(0xf0, 0xff, stream, []byte("unknown"))
		c.data(stream, true, body)
		return []uint32{stream}
	}},
	{name: "PING and settings between", want: arrives, play: func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		stream := c.begin(false, c.head(id("a"), len(body))...)
		_ = c.WritePing(false, [8]byte{1})
		_ = c.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1 << 20})
		c.data(stream, true, body)
		return []uint32{stream}
	}},
	{name: "two at once", want: arrives, requests: 2, play: func(c *http2Client, id canaries) []uint32 {
		first, second := upload.body(id("a")), upload.body(id("b"))
		one, other := c.begin(false, c.head(id("a"), len(first))...), c.begin(false, c.head(id("b"), len(second))...)
		for i := 0; i < len(first); i += 50 {
			c.data(one, false, first[i:min(i+50, len(first))])
			c.data(other, false, second[i:min(i+50, len(second))])
		}
		c.data(other, true, "")
		c.data(one, true, "")
		return []uint32{one, other}
	}},
	{name: "one that is refused beside another", want: arrives, requests: 2, status: 415, play: func(c *http2Client, id canaries) []uint32 {
		fields := c.head(id("b"), -1)
		fields[slices.Index(fields, "content-type")+1] = "text/plain"
		other := c.begin(false, fields...)
		stream := c.sound(id("a"))
		c.data(other, true, "no form")
		return []uint32{other, stream}
	}},
}

// resetFrames end streams, or the connection, before they end themselves.
var resetFrames = []frames{
	{name: "reset after HEADERS", want: isRefused, play: func(c *http2Client, id canaries) []uint32 {
		_ = c.WriteRSTStream(c.begin(false, c.head(id("a"), 500)...), http2.ErrCodeCancel)
		return nil
	}},
	{name: "reset after half the data", want: isRefused, play: func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		stream := c.begin(false, c.head(id("a"), len(body))...)
		c.data(stream, false, body[:len(body)/2])
		time.Sleep(moment)
		_ = c.WriteRSTStream(stream, http2.ErrCodeCancel)
		return nil
	}},
	{name: "reset after half the data, without a length", want: isRefused, play: func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		stream := c.begin(false, c.head(id("a"), -1)...)
		c.data(stream, false, body[:len(body)/2])
		time.Sleep(moment)
		_ = c.WriteRSTStream(stream, http2.ErrCodeCancel)
		return nil
	}},
	{name: "reset after all data, but no end", want: isRefused, play: func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		stream := c.begin(false, c.head(id("a"), -1)...)
		c.data(stream, false, body)
		time.Sleep(moment)
		_ = c.WriteRSTStream(stream, http2.ErrCodeNo)
		return nil
	}},
	{name: "reset after the end", want: eitherWay, play: func(c *http2Client, id canaries) []uint32 {
		_ = c.WriteRSTStream(c.sound(id("a")), http2.ErrCodeCancel)
		return nil
	}},
	{name: "reset after the response's head", want: arrives, settings: []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}}, play: func(c *http2Client, id canaries) []uint32 {
		stream := c.sound(id("a"))
		c.await(stream, time.Second)
		_ = c.WriteRSTStream(stream, http2.ErrCodeCancel)
		_ = c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 65535})
		return nil
	}},
	{name: "reset with an unknown code", want: isRefused, play: func(c *http2Client, id canaries) []uint32 {
		_ = c.WriteRSTStream(c.begin(false, c.head(id("a"), 500)...), 0xffff)
		return nil
	}},
	{name: "50 resets after HEADERS", want: isRefused, play: func(c *http2Client, id canaries) []uint32 {
		for range 50 {
			_ = c.WriteRSTStream(c.begin(false, c.head(id("a"), 500)...), http2.ErrCodeCancel)
		}
		return nil
	}},
	{name: "a flood of resets after HEADERS", want: isRefused, play: func(c *http2Client, id canaries) []uint32 {
		for range 5000 {
			_ = c.WriteRSTStream(c.begin(false, c.head(id("a"), 500)...), http2.ErrCodeCancel)
		}
		return nil
	}},
	{name: "resets after half the data", want: isRefused, play: func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		for range 50 {
			stream := c.begin(false, c.head(id("a"), len(body))...)
			c.data(stream, false, body[:len(body)/2])
			_ = c.WriteRSTStream(stream, http2.ErrCodeCancel)
		}
		return nil
	}},
	{name: "HEADERS and silence, then a reset", want: isRefused, play: func(c *http2Client, id canaries) []uint32 {
		stream := c.begin(false, c.head(id("a"), 500)...)
		c.await(stream, time.Second)
		_ = c.WriteRSTStream(stream, http2.ErrCodeCancel)
		return nil
	}},
	{name: "half the data, a pause, and the rest", want: arrives, play: func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		stream := c.begin(false, c.head(id("a"), len(body))...)
		c.data(stream, false, body[:len(body)/2])
		c.await(stream, time.Second)
		c.data(stream, true, body[len(body)/2:])
		return []uint32{stream}
	}},
	{name: "HEADERS, and the connection ends", want: isRefused, play: func(c *http2Client, id canaries) []uint32 {
		c.begin(false, c.head(id("a"), 500)...)
		c.close()
		return nil
	}},
	{name: "half the data, and the connection ends", want: isRefused, play: func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		c.data(c.begin(false, c.head(id("a"), len(body))...), false, body[:len(body)/2])
		c.close()
		return nil
	}},
	{name: "GOAWAY before", want: eitherWay, play: func(c *http2Client, id canaries) []uint32 {
		_ = c.WriteGoAway(0, http2.ErrCodeNo, nil)
		return []uint32{c.sound(id("a"))}
	}},
	{name: "GOAWAY after", want: arrives, play: func(c *http2Client, id canaries) []uint32 {
		stream := c.sound(id("a"))
		_ = c.WriteGoAway(0, http2.ErrCodeNo, nil)
		return []uint32{stream}
	}},
	{name: "GOAWAY within", want: arrives, play: func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		stream := c.begin(false, c.head(id("a"), len(body))...)
		_ = c.WriteGoAway(0, http2.ErrCodeNo, nil)
		c.data(stream, true, body)
		return []uint32{stream}
	}},
	{name: "GOAWAY with an error", want: eitherWay, play: func(c *http2Client, id canaries) []uint32 {
		stream := c.sound(id("a"))
		_ = c.WriteGoAway(0, http2.ErrCodeInternal, []byte("x"))
		return []uint32{stream}
	}},
}

// windowFrames are about flow control, of which our gateway has a part of its own.
var windowFrames = []frames{
	{name: "no window for the response, then one", want: arrives, settings: []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}}, play: func(c *http2Client, id canaries) []uint32 {
		stream := c.sound(id("a"))
		c.await(stream, time.Second)
		_ = c.WriteWindowUpdate(stream, 1<<20)
		c.await(stream, patience)
		_ = c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 65535})
		return []uint32{stream}
	}},
	{name: "no window for the response, ever", want: arrives, settings: []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}}, play: func(c *http2Client, id canaries) []uint32 {
		return []uint32{c.sound(id("a"))}
	}},
	{name: "a window of one byte at a time", want: arrives, settings: []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}}, play: func(c *http2Client, id canaries) []uint32 {
		stream := c.sound(id("a"))
		c.await(stream, 500*time.Millisecond)
		for range 200 {
			_ = c.WriteWindowUpdate(stream, 1)
		}
		c.await(stream, patience)
		_ = c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 65535})
		return []uint32{stream}
	}},
	{name: "a window that overflows", want: eitherWay, play: func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		stream := c.begin(false, c.head(id("a"), len(body))...)
		_ = c.WriteWindowUpdate(stream, 1<<31-1)
		c.data(stream, true, body)
		return []uint32{stream}
	}},
	{name: "a connection's window that overflows", want: eitherWay, play: func(c *http2Client, id canaries) []uint32 {
		_ = c.WriteWindowUpdate(0, 1<<31-1)
		return []uint32{c.sound(id("a"))}
	}},
	{name: "a window update of 0", want: eitherWay, play: func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		stream := c.begin(false, c.head(id("a"), len(body))...)
		_ = c.WriteWindowUpdate(stream, 0)
		c.data(stream, true, body)
		return []uint32{stream}
	}},
	{name: "an initial window beyond 2^31", want: eitherWay, play: func(c *http2Client, id canaries) []uint32 {
		_ = c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31})
		return []uint32{c.sound(id("a"))}
	}},
	{name: "a window update of an idle stream", want: eitherWay, play: func(c *http2Client, id canaries) []uint32 {
		_ = c.WriteWindowUpdate(99, 1)
		return []uint32{c.sound(id("a"))}
	}},
	{name: "a window update of a short frame", want: eitherWay, play: func(c *http2Client, id canaries) []uint32 {
		_ = c.WriteRawFrame(http2.FrameWindowUpdate, 0, 0, []byte{0, 1})
		return []uint32{c.sound(id("a"))}
	}},
	{name: "more data than the window", want: byChance, play: func(c *http2Client, id canaries) []uint32 {
		stream := c.begin(false, c.head(id("a"), -1)...)
		c.data(stream, true, "--"+strings.Repeat(fmt.Sprintf("%s ", id("a")), 200_000))
		return []uint32{stream}
	}},
	{name: "windows that change while data comes", want: arrives, play: func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		stream := c.begin(false, c.head(id("a"), len(body))...)
		for i, size := range []uint32{0, 1, 1 << 30, 65535} {
			_ = c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: size})
			c.data(stream, false, body[i*50:i*50+50])
		}
		c.data(stream, true, body[200:])
		return []uint32{stream}
	}},
}

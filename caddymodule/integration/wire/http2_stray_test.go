// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"io"

	"golang.org/x/net/http2"
)

// trails plays an upload with a trailer.
func trails(head []string, fields ...string) func(c *http2Client, id canaries) []uint32 {
	return func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		stream := c.begin(false, c.head(id("a"), -1, head...)...)
		c.data(stream, false, body)
		c.trail(stream, true, fields...)
		return []uint32{stream}
	}
}

// trailerFrames have a trailer: RFC 9113, section 8.1.
var trailerFrames = []frames{
	{name: "a trailer", want: arrives, play: trails(nil, "x-a", "b")},
	{name: "a trailer that was announced", want: arrives, play: trails([]string{"trailer", "x-a"}, "x-a", "b")},
	{name: "a trailer of authorization", want: eitherWay, play: trails([]string{"trailer", "authorization"}, "authorization", "Bearer x")},
	{name: "a trailer of cookie", want: arrives, play: trails([]string{"trailer", "cookie"}, "cookie", "a=b")},
	{name: "a trailer of a credential", want: arrives, play: trails([]string{"trailer", "signature, expire"}, "signature", stale, "expire", "1")},
	{name: "a trailer of content-length", want: eitherWay, play: trails(nil, "content-length", "0")},
	{name: "a trailer of transfer-encoding", want: eitherWay, play: trails(nil, "transfer-encoding", "chunked")},
	{name: "a trailer of host", want: eitherWay, play: trails(nil, "host", "evil.example.com")},
	{name: "a trailer of :path", want: isRefused, play: trails(nil, ":path", "/info/")},
	{name: "a trailer with a line break", want: eitherWay, play: trails([]string{"trailer", "x-a"}, "x-a", "b\r\nx-b: c")},
	{name: "a trailer and a length that lies", want: isRefused, play: trails([]string{"content-length", "100000"}, "x-a", "b")},
	{name: "a trailer that does not end the stream", want: isRefused, play: func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		stream := c.begin(false, c.head(id("a"), len(body))...)
		c.data(stream, false, body)
		c.trail(stream, false, "x-a", "b")
		return []uint32{stream}
	}},
}

// before plays something, and then a sound upload.
func before(play func(c *http2Client)) func(c *http2Client, id canaries) []uint32 {
	return func(c *http2Client, id canaries) []uint32 {
		play(c)
		return []uint32{c.sound(id("a"))}
	}
}

// within plays something with a stream in the middle of its upload.
func within(play func(c *http2Client, stream uint32)) func(c *http2Client, id canaries) []uint32 {
	return func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		stream := c.begin(false, c.head(id("a"), len(body))...)
		c.data(stream, false, body[:len(body)/2])
		play(c, stream)
		c.data(stream, true, body[len(body)/2:])
		return []uint32{stream}
	}
}

// after plays something with a stream behind its upload.
func after(play func(c *http2Client, stream uint32)) func(c *http2Client, id canaries) []uint32 {
	return func(c *http2Client, id canaries) []uint32 {
		stream := c.sound(id("a"))
		play(c, stream)
		return []uint32{stream}
	}
}

// strayFrames stand where they may not: RFC 9113, section 6.
var strayFrames = []frames{
	{name: "DATA of the connection", want: eitherWay, play: before(func(c *http2Client) { _ = c.WriteData(0, true, []byte("x")) })},
	{name: "DATA of an idle stream", want: eitherWay, play: before(func(c *http2Client) { _ = c.WriteData(99, true, []byte("x")) })},
	{name: "DATA after the end", want: byChance, play: after(func(c *http2Client, stream uint32) { _ = c.WriteData(stream, true, []byte("x")) })},
	{name: "a request in DATA after the end", want: byChance, play: after(func(c *http2Client, stream uint32) {
		_ = c.WriteData(stream, false, []byte("GET /smuggled/ HTTP/1.1\r\nHost: a\r\n\r\n"))
	})},
	{name: "HEADERS after the end", want: byChance, play: after(func(c *http2Client, stream uint32) { c.trail(stream, true, "x-a", "b") })},
	{name: "HEADERS of the connection", want: eitherWay, play: before(func(c *http2Client) { c.trail(0, true, "x-a", "b") })},
	{name: "HEADERS of the server's stream", want: eitherWay, play: before(func(c *http2Client) {
		c.trail(2, true, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")
	})},
	{name: "HEADERS of an earlier stream", want: byChance, play: func(c *http2Client, id canaries) []uint32 {
		c.last = 9
		stream := c.sound(id("a"))
		c.trail(3, true, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")
		return []uint32{stream}
	}},
	{name: "padding longer than DATA", want: isRefused, play: within(func(c *http2Client, stream uint32) {
		_ = c.WriteRawFrame(http2.FrameData, http2.FlagDataPadded, stream, []byte{200, 1, 2})
	})},
	{name: "a frame larger than may be", want: isRefused, play: within(func(c *http2Client, stream uint32) { _ = c.WriteData(stream, false, make([]byte, 2<<20)) })},
	{name: "CONTINUATION without HEADERS", want: isRefused, play: within(func(c *http2Client, stream uint32) { _ = c.WriteContinuation(stream, true, c.block("x-a", "b")) })},
	{name: "HEADERS without CONTINUATION", want: isRefused, play: func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		stream := c.next()
		_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.block(c.head(id("a"), len(body))...)})
		c.data(stream, true, body)
		return []uint32{stream}
	}},
	{name: "PUSH_PROMISE", want: isRefused, play: within(func(c *http2Client, stream uint32) {
		_ = c.WritePushPromise(http2.PushPromiseParam{StreamID: stream, PromiseID: 2, BlockFragment: c.block(":method", "GET", ":path", "/"), EndHeaders: true})
	})},
	{name: "settings of a stream", want: isRefused, play: within(func(c *http2Client, stream uint32) { _ = c.WriteRawFrame(http2.FrameSettings, 0, stream, nil) })},
	{name: "settings of an odd length", want: isRefused, play: within(func(c *http2Client, _ uint32) { _ = c.WriteRawFrame(http2.FrameSettings, 0, 0, []byte{0}) })},
	{name: "an acknowledgment of settings with some", want: isRefused, play: within(func(c *http2Client, _ uint32) {
		_ = c.WriteRawFrame(http2.FrameSettings, http2.FlagSettingsAck, 0, make([]byte, 6))
	})},
	{name: "an acknowledgment of no settings", want: eitherWay, play: within(func(c *http2Client, _ uint32) {
		for range 3 {
			_ = c.WriteSettingsAck()
		}
	})},
	{name: "a frame size that may not be", want: isRefused, play: within(func(c *http2Client, _ uint32) {
		_ = c.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1})
	})},
	{name: "unknown settings", want: arrives, play: within(func(c *http2Client, _ uint32) { _ = c.WriteSettings(http2.Setting{ID: 0xf000, Val: 1}) })},
	{name: "PING of a stream", want: isRefused, play: within(func(c *http2Client, stream uint32) { _ = c.WriteRawFrame(http2.FramePing, 0, stream, make([]byte, 8)) })},
	{name: "PING of seven bytes", want: isRefused, play: within(func(c *http2Client, _ uint32) { _ = c.WriteRawFrame(http2.FramePing, 0, 0, make([]byte, 7)) })},
	{name: "a reset of an idle stream", want: isRefused, play: within(func(c *http2Client, _ uint32) { _ = c.WriteRSTStream(99, http2.ErrCodeCancel) })},
	{name: "a reset of the connection", want: isRefused, play: within(func(c *http2Client, _ uint32) { _ = c.WriteRawFrame(http2.FrameRSTStream, 0, 0, make([]byte, 4)) })},
	{name: "a priority on itself", want: eitherWay, play: within(func(c *http2Client, stream uint32) {
		_ = c.WritePriority(stream, http2.PriorityParam{StreamDep: stream})
	})},
	{name: "a block that is no HPACK", want: isRefused, play: func(c *http2Client, _ canaries) []uint32 {
		stream := c.next()
		_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0x0f}, EndHeaders: true, EndStream: true})
		return []uint32{stream}
	}},
	{name: "HTTP/1.1 in the middle", want: isRefused, play: within(func(c *http2Client, _ uint32) {
		_, _ = io.WriteString(c.connection, "GET /smuggled/ HTTP/1.1\r\nHost: a\r\n\r\n")
	})},
	{name: "a second preface", want: isRefused, play: within(func(c *http2Client, _ uint32) { _, _ = io.WriteString(c.connection, http2.ClientPreface) })},
	{name: "GOAWAY of a stream", want: isRefused, play: within(func(c *http2Client, stream uint32) {
		_ = c.WriteRawFrame(http2.FrameGoAway, 0, stream, make([]byte, 8))
	})},
}

// floodFrames are many of what is cheap to send.
var floodFrames = []frames{
	{name: "a flood of PING", want: byChance, play: within(func(c *http2Client, _ uint32) {
		for range 5000 {
			_ = c.WritePing(false, [8]byte{})
		}
	})},
	{name: "a flood of settings", want: byChance, play: within(func(c *http2Client, _ uint32) {
		for range 2000 {
			_ = c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 65535})
		}
	})},
	{name: "a flood of empty DATA", want: byChance, play: within(func(c *http2Client, stream uint32) {
		for range 5000 {
			_ = c.WriteData(stream, false, nil)
		}
	})},
	{name: "a flood of PRIORITY", want: byChance, play: within(func(c *http2Client, stream uint32) {
		for range 5000 {
			_ = c.WritePriority(stream, http2.PriorityParam{Weight: 3})
		}
	})},
	{name: "a flood of window updates", want: byChance, play: within(func(c *http2Client, stream uint32) {
		for range 5000 {
			_ = c.WriteWindowUpdate(stream, 1)
		}
	})},
	{name: "a flood of CONTINUATION", want: isRefused, play: func(c *http2Client, id canaries) []uint32 {
		stream := c.next()
		_ = c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.block(c.head(id("a"), 10)...)})
		for range 5000 {
			_ = c.WriteContinuation(stream, false, c.block("x-a", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"))
		}
		return []uint32{stream}
	}},
	{name: "a flood of unknown frames", want: byChance, play: within(func(c *http2Client, stream uint32) {
		for range 5000 {
			_ = c.WriteRawFrame(0xf0, 0, stream, nil)
		}
	})},
	{name: "100 uploads at once", want: arrives, requests: 100, play: func(c *http2Client, id canaries) (streams []uint32) {
		for range 100 {
			streams = append(streams, c.sound(id("a")))
		}
		return streams
	}},
}

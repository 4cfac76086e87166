// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"strings"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"
)

// one is a list of a stream whose sending has ended.
func one(s *http3Stream) []*http3Stream { return []*http3Stream{s.end()} }

// soundFrames3 are what clients may send.
var soundFrames3 = []frames3{
	{name: "a sound upload", want: arrives, play: func(c *http3Client, id canaries) []*http3Stream { return []*http3Stream{c.sound(id("a"))} }},
	{name: "DATA of one byte each", want: arrives, play: func(c *http3Client, id canaries) []*http3Stream {
		body := upload.body(id("a"))
		s := c.begin(headers(c.head(id("a"), len(body))...))
		for i := range len(body) {
			s.send(data(body[i : i+1]))
		}
		return one(s)
	}},
	{name: "empty DATA", want: arrives, play: func(c *http3Client, id canaries) []*http3Stream {
		body := upload.body(id("a"))
		return one(c.begin(headers(c.head(id("a"), len(body))...), data(""), data(body), data("")))
	}},
	{name: "frames of unknown kinds", want: arrives, play: func(c *http3Client, id canaries) []*http3Stream {
		body, unknown := upload.body(id("a")), frame(nil, frameUnknown, []byte("unknown"))
		return one(c.begin(unknown, headers(c.head(id("a"), len(body))...), unknown, data(body), unknown))
	}},
	{name: "a stream of an unknown kind", want: arrives, play: func(c *http3Client, id canaries) []*http3Stream {
		if stream, err := c.OpenUniStream(); err == nil {
			_, _ = stream.Write(quicvarint.Append(nil, streamUnknown))
		}
		return []*http3Stream{c.sound(id("a"))}
	}},
	{name: "two at once", want: arrives, requests: 2, play: func(c *http3Client, id canaries) []*http3Stream {
		first, second := upload.body(id("a")), upload.body(id("b"))
		s, other := c.begin(headers(c.head(id("a"), len(first))...)), c.begin(headers(c.head(id("b"), len(second))...))
		other.send(data(second))
		s.send(data(first))
		return []*http3Stream{other.end(), s.end()}
	}},
	{name: "100 uploads at once", want: arrives, requests: 100, play: func(c *http3Client, id canaries) (streams []*http3Stream) {
		for range 100 {
			streams = append(streams, c.sound(id("a")))
		}
		return streams
	}},
	{name: "a window of 16 bytes for the response", want: arrives, config: &quic.Config{InitialStreamReceiveWindow: 16, MaxStreamReceiveWindow: 16}, play: func(c *http3Client, id canaries) []*http3Stream {
		s := c.sound(id("a"))
		time.Sleep(time.Second)
		return []*http3Stream{s}
	}},
}

// resetFrames3 end streams, or the connection, before they end themselves.
var resetFrames3 = []frames3{
	{name: "reset after HEADERS", want: isRefused, play: func(c *http3Client, id canaries) []*http3Stream {
		s := c.begin(headers(c.head(id("a"), 500)...))
		time.Sleep(moment)
		s.reset(requestCancelled)
		return nil
	}},
	{name: "reset at once", want: isRefused, play: func(c *http3Client, id canaries) []*http3Stream {
		c.begin(headers(c.head(id("a"), 500)...)).reset(requestCancelled)
		return nil
	}},
	{name: "reset after half the data", want: isRefused, play: func(c *http3Client, id canaries) []*http3Stream {
		body := upload.body(id("a"))
		s := c.begin(headers(c.head(id("a"), len(body))...), data(body[:len(body)/2]))
		time.Sleep(moment)
		s.reset(requestCancelled)
		return nil
	}},
	{name: "reset after all data, but no end", want: isRefused, play: func(c *http3Client, id canaries) []*http3Stream {
		s := c.begin(headers(c.head(id("a"), -1)...), data(upload.body(id("a"))))
		time.Sleep(moment)
		s.reset(0x100)
		return nil
	}},
	{name: "reset within a frame", want: isRefused, play: func(c *http3Client, id canaries) []*http3Stream {
		body := upload.body(id("a"))
		s := c.begin(headers(c.head(id("a"), len(body))...), data(body)[:50])
		time.Sleep(moment)
		s.reset(requestCancelled)
		return nil
	}},
	{name: "no wish for the response, before the end", want: eitherWay, play: func(c *http3Client, id canaries) []*http3Stream {
		body := upload.body(id("a"))
		s := c.begin(headers(c.head(id("a"), len(body))...))
		if s.Stream != nil {
			s.CancelRead(requestCancelled)
		}
		s.send(data(body))
		s.end()
		return nil
	}},
	{name: "no wish for the response, after the end", want: eitherWay, play: func(c *http3Client, id canaries) []*http3Stream {
		if s := c.sound(id("a")); s.Stream != nil {
			s.CancelRead(requestCancelled)
		}
		return nil
	}},
	{name: "200 resets after HEADERS", want: isRefused, play: func(c *http3Client, id canaries) []*http3Stream {
		for range 200 {
			c.begin(headers(c.head(id("a"), 500)...)).reset(requestCancelled)
		}
		return nil
	}},
	{name: "HEADERS and silence, then a reset", want: isRefused, play: func(c *http3Client, id canaries) []*http3Stream {
		s := c.begin(headers(c.head(id("a"), 500)...))
		s.await(time.Second)
		s.reset(requestCancelled)
		return nil
	}},
	{name: "half the data, a pause, and the rest", want: arrives, play: func(c *http3Client, id canaries) []*http3Stream {
		body := upload.body(id("a"))
		s := c.begin(headers(c.head(id("a"), len(body))...), data(body[:100]))
		time.Sleep(time.Second)
		s.send(data(body[100:]))
		return one(s)
	}},
	{name: "half the data, and the connection ends", want: isRefused, play: func(c *http3Client, id canaries) []*http3Stream {
		body := upload.body(id("a"))
		c.begin(headers(c.head(id("a"), len(body))...), data(body[:len(body)/2]))
		time.Sleep(moment)
		c.close()
		return nil
	}},
	{name: "GOAWAY before", want: eitherWay, play: func(c *http3Client, id canaries) []*http3Stream {
		_, _ = c.control.Write(frame(nil, frameGoAway, []byte{0}))
		return []*http3Stream{c.sound(id("a"))}
	}},
	{name: "GOAWAY within", want: eitherWay, play: func(c *http3Client, id canaries) []*http3Stream {
		body := upload.body(id("a"))
		s := c.begin(headers(c.head(id("a"), len(body))...))
		_, _ = c.control.Write(frame(nil, frameGoAway, []byte{0}))
		s.send(data(body))
		return one(s)
	}},
}

// announces3 plays an upload whose announced length is another than that of its data.
func announces3(length func(length int) int) func(c *http3Client, id canaries) []*http3Stream {
	return func(c *http3Client, id canaries) []*http3Stream {
		body := upload.body(id("a"))
		return one(c.begin(headers(c.head(id("a"), length(len(body)))...), data(body)))
	}
}

// lengthFrames3 lie about the length: RFC 9114, section 4.1.2.
var lengthFrames3 = []frames3{
	{name: "a length that is too large", want: isRefused, play: announces3(func(n int) int { return n + 1 })},
	{name: "a length that is far too large", want: isRefused, play: announces3(func(n int) int { return n + 1<<30 })},
	{name: "a length that is too small", want: isRefused, play: announces3(func(n int) int { return n - 1 })},
	{name: "a length that is far too small", want: isRefused, play: announces3(func(int) int { return 10 })},
	{name: "a length of 0, and data", want: isRefused, status: 400, play: announces3(func(int) int { return 0 })},
	{name: "a length, and the end", want: isRefused, play: func(c *http3Client, id canaries) []*http3Stream {
		return one(c.begin(headers(c.head(id("a"), 500)...)))
	}},
	{name: "a frame that ends early", want: isRefused, status: 400, play: func(c *http3Client, id canaries) []*http3Stream {
		body := upload.body(id("a"))
		return one(c.begin(headers(c.head(id("a"), -1)...), data(body)[:len(body)/2]))
	}},
	{name: "a length of the first of two data", want: isRefused, play: func(c *http3Client, id canaries) []*http3Stream {
		body := upload.body(id("a"))
		return one(c.begin(headers(c.head(id("a"), len(body))...), data(body), data("GET /smuggled/ HTTP/1.1\r\nHost: a\r\n\r\n")))
	}},
}

// trails3 plays an upload with a trailer.
func trails3(head []string, fields ...string) func(c *http3Client, id canaries) []*http3Stream {
	return func(c *http3Client, id canaries) []*http3Stream {
		return one(c.begin(headers(c.head(id("a"), -1, head...)...), data(upload.body(id("a"))), headers(fields...)))
	}
}

// trailerFrames3 have a trailer: RFC 9114, section 4.1.
var trailerFrames3 = []frames3{
	{name: "a trailer", want: arrives, play: trails3(nil, "x-a", "b")},
	{name: "a trailer that was announced", want: arrives, play: trails3([]string{"trailer", "x-a"}, "x-a", "b")},
	{name: "a trailer of authorization", want: eitherWay, play: trails3([]string{"trailer", "authorization"}, "authorization", "Bearer x")},
	{name: "a trailer of a credential", want: arrives, play: trails3([]string{"trailer", "signature, expire"}, "signature", stale, "expire", "1")},
	{name: "a trailer of content-length", want: eitherWay, play: trails3(nil, "content-length", "0")},
	{name: "a trailer of :path", want: eitherWay, play: trails3(nil, ":path", "/info/")},
	{name: "a trailer with a line break", want: eitherWay, play: trails3([]string{"trailer", "x-a"}, "x-a", "b\r\nx-b: c")},
	{name: "two trailers", want: eitherWay, play: func(c *http3Client, id canaries) []*http3Stream {
		return one(c.begin(headers(c.head(id("a"), -1)...), data(upload.body(id("a"))), headers("x-a", "b"), headers("x-a", "b")))
	}},
	{name: "DATA after a trailer", want: eitherWay, play: func(c *http3Client, id canaries) []*http3Stream {
		return one(c.begin(headers(c.head(id("a"), -1)...), data(upload.body(id("a"))), headers("x-a", "b"), data("more")))
	}},
}

// beside plays something, and then a sound upload.
func beside(play func(c *http3Client)) func(c *http3Client, id canaries) []*http3Stream {
	return func(c *http3Client, id canaries) []*http3Stream {
		play(c)
		select { // until the server has seen it
		case <-c.Context().Done():
		case <-time.After(time.Second):
		}
		return []*http3Stream{c.sound(id("a"))}
	}
}

// amid plays a frame in the middle of an upload.
func amid(odd []byte) func(c *http3Client, id canaries) []*http3Stream {
	return func(c *http3Client, id canaries) []*http3Stream {
		body := upload.body(id("a"))
		return one(c.begin(headers(c.head(id("a"), len(body))...), data(body[:100]), odd, data(body[100:])))
	}
}

// strayFrames3 stand where they may not: RFC 9114, section 7.
var strayFrames3 = []frames3{
	{name: "DATA before HEADERS", want: isRefused, play: func(c *http3Client, id canaries) []*http3Stream {
		return one(c.begin(data("x"), headers(c.head(id("a"), -1)...), data(upload.body(id("a")))))
	}},
	{name: "nothing", want: isRefused, play: func(c *http3Client, _ canaries) []*http3Stream { return one(c.begin()) }},
	{name: "half of HEADERS", want: isRefused, play: func(c *http3Client, id canaries) []*http3Stream {
		return one(c.begin(headers(c.head(id("a"), -1)...)[:20]))
	}},
	{name: "HEADERS that are no QPACK", want: isRefused, play: func(c *http3Client, _ canaries) []*http3Stream {
		return one(c.begin(frame(nil, frameHeaders, []byte{0xff, 0xff, 0xff, 0xff})))
	}},
	{name: "HEADERS of 100 MB", want: isRefused, play: func(c *http3Client, _ canaries) []*http3Stream {
		return one(c.begin(quicvarint.Append(quicvarint.Append(nil, frameHeaders), 100<<20), []byte(strings.Repeat("x", 1000))))
	}},
	{name: "settings of a request", want: isRefused, play: amid(frame(nil, frameSettings, nil))},
	{name: "GOAWAY of a request", want: isRefused, play: amid(frame(nil, frameGoAway, []byte{0}))},
	{name: "PUSH_PROMISE", want: eitherWay, play: amid(frame(nil, framePush, []byte{0, 0, 0}))},
	{name: "a frame of HTTP/2's PRIORITY", want: isRefused, play: amid(frame(nil, 0x02, make([]byte, 5)))},
	{name: "a frame of HTTP/2's PING", want: isRefused, play: amid(frame(nil, 0x06, make([]byte, 8)))},
	{name: "HTTP/1.1", want: isRefused, play: func(c *http3Client, id canaries) []*http3Stream {
		return one(c.begin([]byte(upload.request(c.address, id("a")))))
	}},
	{name: "a second control stream", want: eitherWay, play: beside(func(c *http3Client) {
		if stream, err := c.OpenUniStream(); err == nil {
			_, _ = stream.Write(frame(quicvarint.Append(nil, streamControl), frameSettings, nil))
		}
	})},
	{name: "a push stream", want: eitherWay, play: beside(func(c *http3Client) {
		if stream, err := c.OpenUniStream(); err == nil {
			_, _ = stream.Write([]byte{streamPush, 0})
		}
	})},
	{name: "settings twice", want: eitherWay, play: beside(func(c *http3Client) { _, _ = c.control.Write(frame(nil, frameSettings, nil)) })},
	{name: "DATA on the control stream", want: eitherWay, play: beside(func(c *http3Client) { _, _ = c.control.Write(data("x")) })},
	{name: "the end of the control stream", want: eitherWay, play: beside(func(c *http3Client) { _ = c.control.Close() })},
}

// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"slices"
	"strings"
)

// head is a case of an upload with an odd header, for HTTP/2 and HTTP/3 alike.
type head struct {
	name   string
	want   verdict
	change func(fields []string) []string
	better string // see [frames]
	status int    // over HTTP/3: over HTTP/2, such a stream is reset
}

// adds puts more fields at the end.
func adds(fields ...string) func([]string) []string {
	return func(head []string) []string { return append(head, fields...) }
}

// leads puts more fields at the beginning.
func leads(fields ...string) func([]string) []string {
	return func(head []string) []string { return append(fields, head...) }
}

// sets gives a field another value.
func sets(name, value string) func([]string) []string {
	return func(head []string) []string {
		head[slices.Index(head, name)+1] = value
		return head
	}
}

// lacks takes a field out, and puts others at the end.
func lacks(name string, more ...string) func([]string) []string {
	return func(head []string) []string {
		at := slices.Index(head, name)
		return append(slices.Delete(head, at, at+2), more...)
	}
}

// headFrames are the cases of odd headers over HTTP/2.
func headFrames() (all []frames) {
	for _, h := range slices.Concat(lengthHeads, pseudoHeads, fieldHeads) {
		all = append(all, frames{name: h.name, want: h.want, better: h.better, play: func(c *http2Client, id canaries) []uint32 {
			stream := c.begin(false, h.change(c.head(id("a"), -1))...)
			c.data(stream, true, upload.body(id("a")))
			return []uint32{stream}
		}})
	}
	return all
}

// announces plays an upload whose announced length is another than that of its data.
func announces(length func(length int) int) func(c *http2Client, id canaries) []uint32 {
	return func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		stream := c.begin(false, c.head(id("a"), length(len(body)))...)
		c.data(stream, true, body)
		return []uint32{stream}
	}
}

// lengthFrames lie about the length: RFC 9113, section 8.1.1.
var lengthFrames = []frames{
	{name: "a length that is too large", want: isRefused, play: announces(func(n int) int { return n + 1 })},
	{name: "a length that is far too large", want: isRefused, play: announces(func(n int) int { return n + 1<<30 })},
	{name: "a length that is too small", want: isRefused, play: announces(func(n int) int { return n - 1 })},
	{name: "a length that is far too small", want: isRefused, play: announces(func(int) int { return 10 })},
	{name: "a length of 0, and data", want: isRefused, play: announces(func(int) int { return 0 })},
	{name: "a length, and the end in HEADERS", want: isRefused, status: 400, play: func(c *http2Client, id canaries) []uint32 {
		return []uint32{c.begin(true, c.head(id("a"), 500)...)}
	}},
	{name: "a length, and the end in empty DATA", want: isRefused, play: func(c *http2Client, id canaries) []uint32 {
		stream := c.begin(false, c.head(id("a"), 500)...)
		c.data(stream, true, "")
		return []uint32{stream}
	}},
	{name: "a length of the first of two data", want: isRefused, play: func(c *http2Client, id canaries) []uint32 {
		body := upload.body(id("a"))
		stream := c.begin(false, c.head(id("a"), len(body))...)
		c.data(stream, false, body)
		c.data(stream, true, "GET /smuggled/ HTTP/1.1\r\nHost: a\r\n\r\n")
		return []uint32{stream}
	}},
	{name: "a coding and chunks", want: isRefused, play: func(c *http2Client, id canaries) []uint32 {
		stream := c.begin(false, c.head(id("a"), -1, "transfer-encoding", "chunked")...)
		c.data(stream, true, upload.expand("{chunked}", c.address, id("a"), "", ""))
		return []uint32{stream}
	}},
}

// lengthHeads have an odd length, or a coding.
var lengthHeads = []head{
	{"no length", arrives, adds(), "", 0},
	{"two lengths that differ", isRefused, adds("content-length", "10", "content-length", "11"), "", 0},
	{"a length with a plus", isRefused, adds("content-length", "+10"), "", 0},
	{"a length of words", isRefused, adds("content-length", "many"), "", 0},
	{"a list of lengths", isRefused, adds("content-length", "10, 10"), "", 0},
	{"an endless length", isRefused, adds("content-length", "99999999999999999999"), "", 0},
	{"an empty length", eitherWay, adds("content-length", ""), "", 0},
	{"a coding", isRefused, adds("transfer-encoding", "chunked"), "", 0},
}

// pseudoHeads have odd pseudo-header fields: RFC 9113, section 8.3. What is in them becomes
// a request line of HTTP/1.1.
var pseudoHeads = []head{
	{"no :path", isRefused, lacks(":path"), "", 0},
	{"an empty :path", isRefused, sets(":path", ""), "", 0},
	{"a :path of an asterisk", eitherWay, sets(":path", "*"), "", 0},
	{"a :path with a scheme", eitherWay, sets(":path", "http://evil.example.com/base/"), "", 0},
	{"a :path without a slash", isRefused, sets(":path", "base/"), "", 0},
	{"a :path with a blank", eitherWay, sets(":path", "/base/ HTTP/1.1"), "", 0},
	{"a :path with a line break", isRefused, sets(":path", "/base/ HTTP/1.1\r\nHost: a\r\n\r\nGET /smuggled/"), "", 0},
	{"a :path with LF", isRefused, sets(":path", "/base/\nx"), "", 0},
	{"a :path with NUL", isRefused, sets(":path", "/base/\x00"), "", 0},
	{"a :path with two slashes", arrives, sets(":path", "//base/"), "", 0},
	{"a :path with a fragment", eitherWay, sets(":path", "/base/#x"), "", 0},
	{"a :path with a query of line breaks", arrives, sets(":path", "/base/?a=%0d%0aX:%20y"), "", 0},
	{"two :path", isRefused, leads(":path", "/info/"), "", 0},
	{"no :authority", eitherWay, lacks(":authority"), "", 0},
	{"no :authority, and host", arrives, lacks(":authority", "host", "a"), "", 0},
	{":authority and another host", eitherWay, adds("host", "evil.example.com"), "", 0},
	{"no :authority, and two hosts", eitherWay, lacks(":authority", "host", "a", "host", "b"), "", 0},
	{"two :authority", isRefused, leads(":authority", "a"), "", 0},
	{"an empty :authority", eitherWay, sets(":authority", ""), "", 0},
	{"an :authority with a user", eitherWay, sets(":authority", "a@b"), "", 0},
	{"an :authority with a path", eitherWay, sets(":authority", "a/b"), "", 0},
	{"an :authority with a blank", eitherWay, sets(":authority", "a b"), "", 0},
	{"an :authority with a line break", isRefused, sets(":authority", "a\r\nX: y"), "", 0},
	{"no :scheme", eitherWay, lacks(":scheme"), "", 0},
	{"a :scheme of http", eitherWay, sets(":scheme", "http"), "", 0},
	{"a :scheme of ftp", eitherWay, sets(":scheme", "ftp"), "", 0},
	{"a :scheme with a line break", isRefused, sets(":scheme", "https\r\nx"), "", 0},
	{"no :method", isRefused, lacks(":method"), "", 0},
	{"a :method in small letters", arrives, sets(":method", "post"), "", 0},
	{"a :method with a blank", isRefused, sets(":method", "POST /smuggled/ HTTP/1.1"), "", 0},
	{"a :method with a line break", isRefused, sets(":method", "GET /smuggled/ HTTP/1.1\r\nHost: a\r\n\r\nPOST"), "", 0},
	{"an empty :method", isRefused, sets(":method", ""), "", 0},
	{"CONNECT", isRefused, sets(":method", "CONNECT"), "", 0},
	{"an extended CONNECT", isRefused, func(head []string) []string { return leads(":protocol", "websocket")(sets(":method", "CONNECT")(head)) }, "", 405},
	{":status", isRefused, leads(":status", "200"), "", 0},
	{"an unknown one", isRefused, leads(":x", "y"), "", 0},
	{"one after the others", isRefused, lacks(":path", ":path", "/base/"), "", 0},
}

// fieldHeads have odd fields: RFC 9113, section 8.2.
var fieldHeads = []head{
	{"a name in capitals", isRefused, adds("X-A", "b"), "", 0},
	{"a name with a colon", isRefused, adds("x:a", "b"), "", 0},
	{"a name with a line break", isRefused, adds("x-a: b\r\nx-b", "c"), "", 0},
	{"a name with a blank", isRefused, adds("x a", "b"), "", 0},
	{"an empty name", isRefused, adds("", "b"), "", 0},
	{"a value with a line break", isRefused, adds("x-a", "b\r\nx-b: c"), "", 0},
	{"a value with a request", isRefused, adds("x-a", "b\r\n\r\nGET /smuggled/ HTTP/1.1\r\nHost: a\r\n\r\n"), "", 0},
	{"a value with LF", isRefused, adds("x-a", "b\nc"), "", 0},
	{"a value with CR", isRefused, adds("x-a", "b\rc"), "", 0},
	{"a value with NUL", isRefused, adds("x-a", "b\x00c"), "", 0},
	{"a value in blanks", eitherWay, adds("x-a", " b "), "", 0},
	{"a value beyond ASCII", arrives, adds("x-a", "\xff"), "", 0},
	{"connection: close", isRefused, adds("connection", "close"), "", 0},
	{"connection: x-canary", isRefused, adds("connection", "x-canary"), "", 0},
	{"proxy-connection", isRefused, adds("proxy-connection", "close"), "", 0},
	{"keep-alive", isRefused, adds("keep-alive", "timeout=1"), "", 0},
	{"upgrade", isRefused, adds("upgrade", "websocket"), "", 0},
	{"te: trailers", arrives, adds("te", "trailers"), "", 0},
	{"te: gzip", isRefused, adds("te", "gzip"), "", 0},
	{"expect", arrives, adds("expect", "100-continue"), "", 0},
	{"another expect", eitherWay, adds("expect", "x"), "", 0},
	{"a cookie in pieces", arrives, adds("cookie", "a=b", "cookie", "c=d"), "", 0},
	{"authorization", arrives, adds("authorization", "Bearer x"), "", 0},
	{"a header of 15 KB", arrives, adds("x-a", strings.Repeat("b", 10_000), "x-b", strings.Repeat("c", 5_000)), "", 0},
	{"trailer: content-length", eitherWay, adds("trailer", "content-length"), "no trailer is sent on, and so none that cannot be", 0},
}

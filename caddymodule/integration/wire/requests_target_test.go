// SPDX-License-Identifier: Apache-2.0

package wire

import "strings"

// rest is what follows a request line in most of these.
const rest = "{host}{type}" + framed

// targetVectors have odd targets and hosts: RFC 9112, section 3.2. How paths are spelled is
// the matter of another test.
var targetVectors = []vector{
	{name: "absolute form", raw: "POST http://{address}{path} HTTP/1.1\r\n" + rest, want: arrives},
	{name: "absolute form, another host than Host", raw: "POST http://evil.example.com{path} HTTP/1.1\r\n" + rest, want: arrives},
	{name: "absolute form, https", raw: "POST https://{address}{path} HTTP/1.1\r\n" + rest, want: arrives},
	{name: "absolute form, another scheme", raw: "POST ftp://{address}{path} HTTP/1.1\r\n" + rest, want: eitherWay},
	{name: "absolute form, a user", raw: "POST http://user:password@{address}{path} HTTP/1.1\r\n" + rest, want: eitherWay},
	{name: "absolute form, no Host", raw: "POST http://{address}{path} HTTP/1.1\r\n{type}" + framed, want: eitherWay},
	{name: "absolute form, two Hosts", raw: "POST http://{address}{path} HTTP/1.1\r\n{host}" + rest, want: isRefused},
	{name: "absolute form, a blank in the host", raw: "POST http://a b{path} HTTP/1.1\r\n" + rest, want: isRefused},
	{name: "absolute form, a slash encoded in the host", raw: "POST http://a%2fb{path} HTTP/1.1\r\n" + rest, want: isRefused},
	{name: "authority form", raw: "POST {address} HTTP/1.1\r\n" + rest, want: isRefused},
	{name: "CONNECT", raw: "CONNECT {address} HTTP/1.1\r\n{host}\r\n", want: eitherWay, method: "CONNECT", elsewhere: true},
	{name: "CONNECT of a path", raw: "CONNECT {path} HTTP/1.1\r\n{host}\r\n", want: eitherWay, method: "CONNECT", elsewhere: true, design: map[string]int{"upload": 405, "held": 405, "refused": 405}},
	{name: "an asterisk", raw: "POST * HTTP/1.1\r\n" + rest, want: eitherWay, elsewhere: true},
	{name: "OPTIONS of an asterisk", raw: "OPTIONS * HTTP/1.1\r\n{host}\r\n", want: eitherWay, elsewhere: true},
	{name: "OPTIONS of an asterisk, and a body", raw: "OPTIONS * HTTP/1.1\r\n" + rest, want: eitherWay, elsewhere: true},
	{name: "no target", raw: "POST HTTP/1.1\r\n" + rest, want: isRefused},
	{name: "an empty target", raw: "POST  HTTP/1.1\r\n" + rest, want: isRefused},
	{name: "a blank in the target", raw: "POST {path} x HTTP/1.1\r\n" + rest, want: isRefused},
	{name: "two blanks", raw: "POST  {path} HTTP/1.1\r\n" + rest, want: isRefused},
	{name: "tabs for blanks", raw: "POST\t{path}\tHTTP/1.1\r\n" + rest, want: isRefused},
	{name: "a bare CR in the target", raw: "POST {path}\rx HTTP/1.1\r\n" + rest, want: isRefused},
	{name: "NUL in the target", raw: "POST {path}\x00 HTTP/1.1\r\n" + rest, want: isRefused},
	{name: "bytes beyond ASCII in the target", raw: "POST {path}?a=\xff HTTP/1.1\r\n" + rest, want: eitherWay},
	{name: "a line break encoded in the query", raw: "POST {path}?a=%0d%0aX-Evil:%20y HTTP/1.1\r\n" + rest, want: arrives},
	{name: "a fragment", raw: "POST {path}?a=b#c HTTP/1.1\r\n" + rest, want: eitherWay},
	{name: "a long target", raw: "POST {path}?a=" + strings.Repeat("b", 6_000) + " HTTP/1.1\r\n" + rest, want: arrives},
	{name: "a target longer than a header may be", raw: "POST {path}?a=" + strings.Repeat("b", 2<<20) + " HTTP/1.1\r\n" + rest, want: isRefused},
	{name: "no Host", raw: "{line}{type}" + framed, want: isRefused},
	{name: "an empty Host", raw: "{line}Host:\r\n{type}" + framed, want: eitherWay},
	{name: "two Hosts", raw: "{line}{host}{host}{type}" + framed, want: isRefused},
	{name: "two Hosts that differ", raw: "{line}{host}Host: evil.example.com\r\n{type}" + framed, want: isRefused},
	{name: "a list of Hosts", raw: "{line}Host: a, b\r\n{type}" + framed, want: eitherWay},
	{name: "a path in Host", raw: "{line}Host: a/b\r\n{type}" + framed, want: eitherWay},
	{name: "a user in Host", raw: "{line}Host: a@b\r\n{type}" + framed, want: eitherWay},
	{name: "a blank in Host", raw: "{line}Host: a b\r\n{type}" + framed, want: isRefused},
	{name: "a bad port in Host", raw: "{line}Host: a:b\r\n{type}" + framed, want: eitherWay},
	{name: "a bare CR in Host", raw: "{line}Host: a\rb\r\n{type}" + framed, want: isRefused},
	{name: "bytes beyond ASCII in Host", raw: "{line}Host: \xff\r\n{type}" + framed, want: eitherWay},
	{name: "quotes in Host", raw: "{line}Host: \"a\"\r\n{type}" + framed, want: eitherWay},
	{name: "Host before a blank and a colon", raw: "{line}Host : a\r\n{type}" + framed, want: isRefused},
}

// versionVectors have another version than HTTP/1.1, or an odd method: RFC 9112, sections
// 2.3 and 3.1.
var versionVectors = []vector{
	{name: "HTTP/1.0", raw: "POST {path} HTTP/1.0\r\n" + rest, want: arrives},
	{name: "HTTP/1.0 without Host", raw: "POST {path} HTTP/1.0\r\n{type}" + framed, want: arrives},
	{name: "HTTP/1.0 that keeps the connection", raw: "POST {path} HTTP/1.0\r\nConnection: keep-alive\r\n" + rest, want: arrives},
	{name: "HTTP/1.0 with chunks", raw: "POST {path} HTTP/1.0\r\n{host}{type}Transfer-Encoding: chunked\r\n\r\n{chunked}", want: eitherWay, design: noBody},
	{name: "HTTP/1.0 with chunks that keeps the connection", raw: "POST {path} HTTP/1.0\r\n{host}{type}Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}", want: eitherWay, design: noBody, requests: 2},
	{name: "HTTP/1.0 with chunks and a length", raw: "POST {path} HTTP/1.0\r\n{host}{type}Transfer-Encoding: chunked\r\n" + framed, want: eitherWay},
	{name: "HTTP/1.0 without a length", raw: "POST {path} HTTP/1.0\r\n{host}{type}\r\n{body}", want: eitherWay, design: noBody},
	{name: "HTTP/1.0 with two lengths", raw: "POST {path} HTTP/1.0\r\n{host}{type}Content-Length: 0\r\n" + framed, want: isRefused},
	{name: "HTTP/1.0 with Expect", raw: "POST {path} HTTP/1.0\r\n{host}{type}Expect: 100-continue\r\n" + framed, want: arrives},
	{name: "HTTP/1.0 with Upgrade", raw: "POST {path} HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + rest, want: arrives},
	{name: "HTTP/1.0, a request behind", raw: "POST {path} HTTP/1.0\r\n" + rest + "{smuggled}", want: arrives},
	{name: "HTTP/1.0 with a folded value", raw: "POST {path} HTTP/1.0\r\nX-A: b\r\n c\r\n" + rest, want: arrives},
	{name: "HTTP/0.9", raw: "POST {path}\r\n", want: isRefused},
	{name: "HTTP/0.9, with a version", raw: "POST {path} HTTP/0.9\r\n" + rest, want: isRefused},
	{name: "HTTP/1.2", raw: "POST {path} HTTP/1.2\r\n" + rest, want: eitherWay},
	{name: "HTTP/1.10", raw: "POST {path} HTTP/1.10\r\n" + rest, want: isRefused},
	{name: "HTTP/01.1", raw: "POST {path} HTTP/01.1\r\n" + rest, want: isRefused},
	{name: "HTTP/2.0", raw: "POST {path} HTTP/2.0\r\n" + rest, want: isRefused},
	{name: "HTTP/3.0", raw: "POST {path} HTTP/3.0\r\n" + rest, want: isRefused},
	{name: "HTTP/2's preface", raw: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", want: isRefused, method: "PRI"},
	{name: "http/1.1", raw: "POST {path} http/1.1\r\n" + rest, want: isRefused},
	{name: "a blank in the version", raw: "POST {path} HTTP /1.1\r\n" + rest, want: isRefused},
	{name: "a blank after the version", raw: "POST {path} HTTP/1.1 \r\n" + rest, want: eitherWay},
	{name: "more after the version", raw: "POST {path} HTTP/1.1 x\r\n" + rest, want: isRefused},
	{name: "another protocol", raw: "POST {path} RTSP/1.0\r\n" + rest, want: isRefused},
	{name: "a method in small letters", raw: "post {path} HTTP/1.1\r\n" + rest, want: arrives},
	{name: "a method of a token's signs", raw: "PO-ST! {path} HTTP/1.1\r\n" + rest, want: eitherWay, elsewhere: true},
	{name: "a method in brackets", raw: "(POST) {path} HTTP/1.1\r\n" + rest, want: isRefused},
	{name: "no method", raw: " {path} HTTP/1.1\r\n" + rest, want: isRefused},
	{name: "a method with NUL", raw: "PO\x00ST {path} HTTP/1.1\r\n" + rest, want: isRefused},
	{name: "a long method", raw: strings.Repeat("POST", 1000) + " {path} HTTP/1.1\r\n" + rest, want: eitherWay, elsewhere: true},
	{name: "TLS", raw: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 100), want: isRefused},
	{name: "a response", raw: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", want: isRefused},
	{name: "letters without a line", raw: strings.Repeat("x", 5000), want: isRefused},
}

// SPDX-License-Identifier: Apache-2.0

package wire

import "strings"

const okLine = "HTTP/1.1 200 OK\r\n"

// lengthReplies have an odd Content-Length: RFC 9112, section 6.3.
var lengthReplies = []reply{
	{"a sound one", script{raw: "{ok}"}, comes},
	{"a sound one, and the end", script{raw: "{ok}", then: closes}, comes},
	{"two equal lengths", script{raw: okLine + "Content-Length: {n}\r\nContent-Length: {n}\r\n\r\n{body}"}, comes},
	{"two lengths that differ", script{raw: okLine + "Content-Length: {n}\r\nContent-Length: {n-1}\r\n\r\n{body}"}, fails},
	{"a list of equal lengths", script{raw: okLine + "Content-Length: {n}, {n}\r\n\r\n{body}"}, fails},
	{"a length with a plus", script{raw: okLine + "Content-Length: +{n}\r\n\r\n{body}"}, fails},
	{"a length below 0", script{raw: okLine + "Content-Length: -1\r\n\r\n{body}", then: closes}, fails},
	{"a hexadecimal length", script{raw: okLine + "Content-Length: 0x{hex}\r\n\r\n{body}"}, fails},
	{"an endless length", script{raw: okLine + "Content-Length: 99999999999999999999\r\n\r\n{body}"}, fails},
	{"an empty length", script{raw: okLine + "Content-Length:\r\n\r\n{body}", then: closes}, fails},
	{"a length of words", script{raw: okLine + "Content-Length: many\r\n\r\n{body}"}, fails},
	{"a length with zeros", script{raw: okLine + "Content-Length: 000{n}\r\n\r\n{body}"}, comes},
	{"a length in blanks", script{raw: okLine + "Content-Length: \t{n} \r\n\r\n{body}"}, comes},
	{"a length that is folded", script{raw: okLine + "Content-Length:\r\n {n}\r\n\r\n{body}"}, asStock},
	{"a blank before the colon of a length", script{raw: okLine + "Content-Length : {n}\r\n\r\n{body}", then: closes}, asStock},
	{"a length with an underscore", script{raw: okLine + "Content_Length: 3\r\nContent-Length: {n}\r\n\r\n{body}"}, comes},
	{"less than its length, and the end", script{raw: okLine + "Content-Length: {n+1}\r\n\r\n{body}", then: closes}, fails},
	{"less than its length, and the end of one half", script{raw: okLine + "Content-Length: {n+1}\r\n\r\n{body}", then: halfCloses}, fails},
	{"less than its length, and a reset", script{raw: okLine + "Content-Length: {n+1}\r\n\r\n{body}", then: resets}, fails},
	{"less than a length of 2^60, and the end", script{raw: okLine + "Content-Length: 1152921504606846976\r\n\r\n{body}", then: closes}, fails},
	{"no length, and the end", script{raw: okLine + "\r\n{body}", then: closes}, comes},
	{"no length, and the end of one half", script{raw: okLine + "\r\n{body}", then: halfCloses}, comes},
	{"no length, and a reset", script{raw: okLine + "\r\n{body}", then: resets}, asStock},
	{"a length and Connection: close", script{raw: okLine + "Connection: close\r\nContent-Length: {n}\r\n\r\n{body}"}, comes},
	{"a length and Connection: close, in a list", script{raw: okLine + "Connection: x, CLOSE\r\nContent-Length: {n}\r\n\r\n{body}", more: "{evil}"}, comes},
}

// excessReplies are more than their length, or two for one request.
var excessReplies = []reply{
	{"one byte more", script{raw: "{ok}x"}, comes},
	{"CRLF more", script{raw: "{ok}\r\n"}, comes},
	{"NUL more", script{raw: "{ok}\x00"}, comes},
	{"one byte more, and the end", script{raw: "{ok}x", then: closes}, comes},
	{"one byte more, later", script{raw: "{ok}", more: "x"}, comes},
	{"64 KiB more", script{raw: "{ok}" + strings.Repeat("x", 64<<10)}, comes},
	{"two at once", script{raw: "{ok}{evil}"}, comes},
	{"two, the second later", script{raw: "{ok}", more: "{evil}"}, comes},
	{"three at once", script{raw: "{ok}{evil}{evil}"}, comes},
	{"two at once, and the end", script{raw: "{ok}{evil}", then: closes}, comes},
	{"two at once, and the end of one half", script{raw: "{ok}{evil}", then: halfCloses}, comes},
	{"an empty one and another", script{raw: okLine + "Content-Length: 0\r\n\r\n{evil}"}, asStock},
	{"an empty one and another, later", script{raw: okLine + "Content-Length: 0\r\n\r\n", more: "{evil}"}, asStock},
	{"one and half a head", script{raw: "{ok}HTTP/1.1 200 OK\r\nContent-Le"}, comes},
	{"one and half a head, later", script{raw: "{ok}", more: "HTTP/1.1 200 OK\r\nContent-Le"}, comes},
	{"a head that ends in the next request's response", script{raw: "{ok}", more: "HTTP/1.1 200 OK\r\nX-A: "}, comes},
	{"one and an interim one", script{raw: "{ok}HTTP/1.1 100 Continue\r\n\r\n"}, comes},
	{"one and an interim one, later", script{raw: "{ok}", more: "HTTP/1.1 103 Early Hints\r\nLink: <{evil}>\r\n\r\n"}, comes},
	{"one and a 408, later", script{raw: "{ok}", more: "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"}, comes},
	{"one and a 408, later, and the end", script{raw: "{ok}", more: "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", then: closes}, comes},
	{"a body shorter than the one that comes", script{raw: okLine + "Content-Length: {n-1}\r\n\r\n{body}"}, asStock},
	{"204 with a body", script{raw: "HTTP/1.1 204 No Content\r\nContent-Length: {n}\r\n\r\n{body}"}, asStock},
	{"204 and another", script{raw: "HTTP/1.1 204 No Content\r\n\r\n{evil}"}, asStock},
	{"204 with chunks", script{raw: "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}"}, asStock},
	{"304 with a body", script{raw: "HTTP/1.1 304 Not Modified\r\nContent-Length: {n}\r\n\r\n{body}"}, asStock},
	{"304 and another", script{raw: "HTTP/1.1 304 Not Modified\r\n\r\n{evil}"}, asStock},
	{"205 with a body", script{raw: "HTTP/1.1 205 Reset Content\r\nContent-Length: {n}\r\n\r\n{body}"}, comes},
	{"chunks and another", script{raw: okLine + "Transfer-Encoding: chunked\r\n\r\n{chunked}{evil}"}, comes},
	{"chunks and another, later", script{raw: okLine + "Transfer-Encoding: chunked\r\n\r\n{chunked}", more: "{evil}"}, comes},
	{"chunks and one byte more", script{raw: okLine + "Transfer-Encoding: chunked\r\n\r\n{chunked}x"}, comes},
	{"chunks and CRLF more", script{raw: okLine + "Transfer-Encoding: chunked\r\n\r\n{chunked}\r\n"}, comes},
}

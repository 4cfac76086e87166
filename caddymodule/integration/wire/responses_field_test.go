// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"strings"
	"time"
)

const sized = "Content-Length: {n}\r\n\r\n{body}"

// fieldReplies have odd lines in the header: RFC 9112, section 5.
var fieldReplies = []reply{
	{"a folded value", script{raw: okLine + "X-A: b\r\n c\r\n" + sized}, comes},
	{"a length in a folded value", script{raw: okLine + "X-A: b\r\n Content-Length: 3\r\n" + sized}, comes},
	{"a folded first line", script{raw: okLine + " X-A: b\r\n" + sized}, fails},
	{"LF for CRLF", script{raw: "HTTP/1.1 200 OK\nContent-Length: {n}\n\n{body}"}, asStock},
	{"a bare CR in a value", script{raw: okLine + "X-A: b\rc\r\n" + sized}, asStock},
	{"bare CRs for CRLF", script{raw: "HTTP/1.1 200 OK\rContent-Length: {n}\r\r{body}", then: closes}, fails},
	{"NUL in a value", script{raw: okLine + "X-A: b\x00c\r\n" + sized}, asStock},
	{"NUL in a name", script{raw: okLine + "X\x00A: b\r\n" + sized}, asStock},
	{"a header without a colon", script{raw: okLine + "X-A\r\n" + sized}, fails},
	{"a header without a name", script{raw: okLine + ": b\r\n" + sized}, fails},
	{"a blank in a name", script{raw: okLine + "X A: b\r\n" + sized}, asStock},
	{"bytes beyond ASCII in a value", script{raw: okLine + "X-A: \xff\r\n" + sized}, comes},
	{"many fields", script{raw: okLine + strings.Repeat("X-A: b\r\n", 5000) + sized}, comes},
	{"a value of 1 MB", script{raw: okLine + "X-A: " + strings.Repeat("b", 1<<20) + "\r\n" + sized}, comes},
	{"a header of 11 MB", script{raw: okLine + "X-A: " + strings.Repeat("b", 11<<20) + "\r\n" + sized, then: closes}, fails},
	{"Connection: Content-Length", script{raw: okLine + "Connection: Content-Length\r\n" + sized}, comes},
	{"Connection: X-A", script{raw: okLine + "Connection: X-A\r\nX-A: b\r\n" + sized}, comes},
	{"Keep-Alive of 0 seconds", script{raw: okLine + "Keep-Alive: timeout=0\r\n" + sized}, comes},
	{"Proxy-Connection: close", script{raw: okLine + "Proxy-Connection: close\r\n" + sized}, comes},
	{"Upgrade unasked", script{raw: okLine + "Connection: Upgrade\r\nUpgrade: h2c\r\n" + sized}, comes},
	{"101 unasked", script{raw: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n{evil}"}, fails},
	{"101 without Upgrade", script{raw: "HTTP/1.1 101 Switching Protocols\r\n\r\n", then: closes}, fails},
}

// interimReplies have interim responses before the final one, or in its place: RFC 9110,
// section 15.2.
var interimReplies = []reply{
	{"100", script{raw: "HTTP/1.1 100 Continue\r\n\r\n{ok}"}, comes},
	{"103", script{raw: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{ok}"}, comes},
	{"102 and 103", script{raw: "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{ok}"}, comes},
	{"199", script{raw: "HTTP/1.1 199 Odd\r\n\r\n{ok}"}, comes},
	{"five of them", script{raw: strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 5) + "{ok}"}, comes},
	{"six of them", script{raw: strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 6) + "{ok}"}, asStock},
	{"1000 of them", script{raw: strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 1000) + "{ok}"}, asStock},
	{"1000 of 100", script{raw: strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 1000) + "{ok}"}, asStock},
	{"20,000 of 102, and no final one", script{raw: strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 20_000), then: closes}, fails},
	{"one of 100 KB", script{raw: "HTTP/1.1 103 Early Hints\r\nLink: " + strings.Repeat("a", 100_000) + "\r\n\r\n{ok}"}, comes},
	{"ten of 100 KB", script{raw: strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: "+strings.Repeat("a", 100_000)+"\r\n\r\n", 10) + "{ok}"}, asStock},
	{"100 with a length", script{raw: "HTTP/1.1 100 Continue\r\nContent-Length: 3\r\n\r\n{ok}"}, asStock},
	{"103 with a body", script{raw: "HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\n\r\nabc{ok}"}, fails},
	{"103 with chunks", script{raw: "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n{ok}"}, asStock},
	{"103 with Connection: close", script{raw: "HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n{ok}"}, comes},
	{"103 with a bad length", script{raw: "HTTP/1.1 103 Early Hints\r\nContent-Length: x\r\n\r\n{ok}"}, asStock},
	{"103 and garbage", script{raw: "HTTP/1.1 103 Early Hints\r\n\r\ngarbage\r\n\r\n"}, fails},
	{"103 and the end", script{raw: "HTTP/1.1 103 Early Hints\r\n\r\n", then: closes}, fails},
	{"103 and a reset", script{raw: "HTTP/1.1 103 Early Hints\r\n\r\n", then: resets}, fails},
	{"103 and 101", script{raw: "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n", then: closes}, fails},
	{"103, and later another response", script{raw: "HTTP/1.1 103 Early Hints\r\n\r\n{ok}", more: "{evil}"}, comes},
	{"100 before the body is read", script{raw: "HTTP/1.1 100 Continue\r\n\r\n{ok}", early: true}, comes},
	{"1000 of them before the body is read", script{raw: strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 1000) + "{ok}", early: true}, asStock},
}

// endingReplies end before the response does.
var endingReplies = []reply{
	{"the end", script{then: closes}, fails},
	{"a reset", script{then: resets}, fails},
	{"the end of one half", script{then: halfCloses}, fails},
	{"half a status line, and the end", script{raw: "HTTP/1.1 20", then: closes}, fails},
	{"a status line, and the end", script{raw: okLine, then: closes}, fails},
	{"half a header, and the end", script{raw: okLine + "Content-Len", then: closes}, fails},
	{"a header, and the end", script{raw: okLine + "Content-Length: {n}\r\n", then: closes}, fails},
	{"a head, and the end", script{raw: okLine + "Content-Length: {n}\r\n\r\n", then: closes}, fails},
	{"a head, and a reset", script{raw: okLine + "Content-Length: {n}\r\n\r\n", then: resets}, fails},
	{"half a body, and the end", script{raw: okLine + "Content-Length: {n}\r\n\r\n{half}", then: closes}, fails},
	{"half a body, and a reset", script{raw: okLine + "Content-Length: {n}\r\n\r\n{half}", then: resets}, fails},
	{"all of it, and the end of one half", script{raw: "{ok}", then: halfCloses}, comes},
	{"all of it, and a reset", script{raw: "{ok}", then: resets}, asStock},
	{"nothing, and silence", script{then: stalls}, fails},
	{"a status line, and silence", script{raw: okLine, then: stalls}, fails},
	{"103, and silence", script{raw: "HTTP/1.1 103 Early Hints\r\n\r\n", then: stalls}, fails},
	{"half a body, and silence", script{raw: okLine + "Content-Length: {n}\r\n\r\n{half}", then: stalls}, fails},
	{"half a chunk, and silence", script{raw: chunkedReply + "{hex}\r\n{half}", then: stalls}, fails},
	{"all of it, and silence", script{raw: "{ok}", then: stalls}, comes},
	{"no length, and silence", script{raw: okLine + "\r\n{body}", then: stalls}, fails},
}

// earlyReplies come before the body of the request has been read.
var earlyReplies = []reply{
	{"early", script{raw: "{ok}", early: true}, comes},
	{"early, and the end", script{raw: "{ok}", early: true, then: closes}, asStock},
	{"early, and a reset", script{raw: "{ok}", early: true, then: resets}, asStock},
	{"early, and another", script{raw: "{ok}{evil}", early: true}, comes},
	{"early, and another later", script{raw: "{ok}", more: "{evil}", early: true}, comes},
	{"early, with Connection: close", script{raw: okLine + "Connection: close\r\n" + sized, early: true, then: halfCloses}, comes},
	{"early and refused", script{raw: "HTTP/1.1 413 Too Large\r\n" + sized, early: true}, comes},
	{"early and refused, and the end", script{raw: "HTTP/1.1 413 Too Large\r\nConnection: close\r\n" + sized, early: true, then: closes}, asStock},
	{"early and refused, and no more is read", script{raw: "HTTP/1.1 413 Too Large\r\nConnection: close\r\n" + sized, early: true, then: halfCloses}, comes},
	{"early chunks", script{raw: chunkedReply + "{chunked}", early: true}, comes},
	{"early garbage", script{raw: "garbage\r\n\r\n", early: true}, fails},
	{"early, and cut off", script{raw: okLine + "Content-Length: {n}\r\n\r\n{half}", early: true, then: closes}, fails},
	{"an early end", script{early: true, then: closes}, fails},
	{"an early reset", script{early: true, then: resets}, fails},
	{"an early end of one half", script{early: true, then: halfCloses}, fails},
	{"an early 100", script{raw: "HTTP/1.1 100 Continue\r\n\r\n", early: true, then: closes}, fails},
}

// lateReplies come late, or in pieces.
var lateReplies = []reply{
	{"late", script{raw: "{ok}", after: time.Second}, comes},
	{"late, and another", script{raw: "{ok}", after: time.Second, more: "{evil}"}, comes},
	{"after the client has given up", script{raw: "{ok}", after: patience + time.Second}, fails},
	{"two, after the client has given up", script{raw: "{ok}{evil}", after: patience + time.Second}, fails},
	{"byte by byte", script{raw: "{ok}", slowly: true}, comes},
	{"byte by byte, with interim ones", script{raw: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{ok}", slowly: true}, comes},
	{"byte by byte, with one more", script{raw: "{ok}x", slowly: true}, comes},
	{"byte by byte, and another", script{raw: "{ok}{evil}", slowly: true, then: closes}, comes},
	{"a late end", script{after: time.Second, then: closes}, fails},
	{"late garbage", script{raw: "garbage", after: time.Second, then: closes}, fails},
}

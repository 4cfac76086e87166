// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
)

// received is what a client makes of a response.
type received struct {
	Failed          bool
	Status          string
	Code            int
	Header, Trailer http.Header
	Length          int64
	Body            string
	BodyFailed      bool
}

// receiveAll reads a response to its end.
func receiveAll(response *http.Response, err error) received {
	if err != nil {
		return received{Failed: true}
	}
	defer response.Body.Close()
	r := received{Status: response.Status, Code: response.StatusCode, Header: response.Header, Length: response.ContentLength}
	if response.StatusCode != http.StatusSwitchingProtocols { // what follows is no body
		body, err := io.ReadAll(response.Body)
		r.Body, r.BodyFailed, r.Trailer = string(body), err != nil, response.Trailer
	}
	return r
}

// FuzzResponse: whatever an upstream sends, and in whatever pieces, the client makes of it
// what Go's does, interim responses, chunks and trailers included; it reads no more than
// the limit before it has a header, returns no more of a body than was announced, and
// leaves no connection open.
func FuzzResponse(f *testing.F) {
	for _, response := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", "HTTP/1.0 200 OK\r\n\r\nto the end",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 413 Too Large\r\nConnection: close\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n2;x=y\r\nok\r\n0\r\nX-A: 1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
		"HTTP/1.1 204 No Content\r\n\r\nbody", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "HTTP/1.1 200\r\n\r\n", "\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 100 \r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxScriptedHeader),
	} {
		f.Add([]byte(response), []byte(nil), http.MethodPost, true)
		f.Add([]byte(response), []byte{0, 2, 40}, http.MethodHead, false)
	}
	const body = "body"
	f.Fuzz(func(t *testing.T, response, sizes []byte, method string, direct bool) {
		if method != http.MethodHead {
			method = http.MethodPost
		}
		request := func() *http.Request {
			ctx := t.Context()
			if direct {
				ctx = handover.With(ctx, &handover.Request{Interrupter: none{}})
			}
			return uploadTo(ctx, method, &url.URL{Scheme: "http", Host: "upstream", Path: "/base/"}, body)
		}
		ours, ourConn, gos, gosConn := scriptedClients(body, response, sizes)
		header, err := ours.RoundTrip(request())
		// Go's client reads into a buffer, too, so that some of a body may have been read.
		if n := ourConn.hasRead(); err != nil && n > maxScriptedHeader {
			t.Fatalf("%d bytes were read for a header, and %v", n, err)
		}
		got := receiveAll(header, err)
		want := receiveAll(gos.RoundTrip(request()))
		gos.CloseIdleConnections()
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s %q:\ngot  %+v\nwant %+v", method, response, got, want)
		}
		if got.Length >= 0 && int64(len(got.Body)) > got.Length {
			t.Fatalf("%q: %d bytes of %d", response, len(got.Body), got.Length)
		}
		ourConn.checkClosed(t)
		gosConn.checkClosed(t)
	})
}

// uploadTo returns a request with a body.
func uploadTo(ctx context.Context, method string, to *url.URL, body string) *http.Request {
	r := &http.Request{
		Method: method, URL: to, Host: to.Host, Header: make(http.Header), ContentLength: int64(len(body)), Body: io.NopCloser(struct{ io.Reader }{strings.NewReader(body)}),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if body == "" {
		r.Body = http.NoBody
	}
	return r.WithContext(ctx)
}

// FuzzRequest: what the client writes is one request, and a server reads it as the one that
// Go's client writes. What is refused leaves not a byte.
func FuzzRequest(f *testing.F) {
	f.Add(http.MethodPost, "upstream:8080", "gateway", "/base/", "jsonerrors=1", "X-A", "1", "body")
	f.Add("GET / HTTP/1.1\r\nX: y\r\n\r\n", "u", "u", "/ HTTP/1.1\r\n", "a b#c", "X\r\nY", "1\r\n2", "b")
	f.Add(http.MethodPost, "[fe80::1%25eth0]:80", "a b/c", "//x", "%zz", "Transfer-Encoding", "chunked", "0\r\n\r\n")
	f.Add(http.MethodPut, "bücher.example", "", "/ü", "", "User-Agent", "", "1")
	f.Add(http.MethodPost, "u", "u", "/", "", "Content-Length", "0", "GET / HTTP/1.1\r\n\r\n")
	f.Fuzz(func(t *testing.T, method, address, host, path, query, name, value, body string) {
		if !strings.HasPrefix(path, "/") {
			return // a server takes no such target, and so the proxy has none to send
		}
		request := func() *http.Request {
			ctx := handover.With(t.Context(), &handover.Request{Interrupter: none{}})
			r := uploadTo(ctx, method, &url.URL{Scheme: "http", Host: address, Path: path, RawQuery: query}, body)
			r.Host = host
			r.Header[http.CanonicalHeaderKey(name)] = []string{value} // as all are that a server has read
			return r
		}
		ours, ourConn, gos, gosConn := scriptedClients(body, []byte("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"), nil)
		if !ours.Supports(request()) {
			return // it is left to Go's client
		}
		got := receiveAll(ours.RoundTrip(request()))
		want := receiveAll(gos.RoundTrip(request()))
		gos.CloseIdleConnections()
		if got.Failed {
			if ourConn.written.Len() > 0 {
				t.Fatalf("it was refused, and %q has left", ourConn.written.Bytes())
			}
			return
		}
		if want.Failed {
			t.Fatalf("Go's client refuses what left as %q", ourConn.written.Bytes())
		}
		checkSameRequest(t, ourConn.written.Bytes(), gosConn.written.Bytes(), body)
	})
}

// checkSameRequest checks that a server reads the same request in two messages, and nothing
// behind it.
func checkSameRequest(t *testing.T, ours, gos []byte, body string) {
	t.Helper()
	read := func(message []byte) (*http.Request, string) {
		reader := bufio.NewReader(bytes.NewReader(message))
		r, err := http.ReadRequest(reader)
		if err != nil {
			t.Fatalf("%q is no request: %v", message, err)
		}
		content, err := io.ReadAll(r.Body)
		if rest, _ := io.ReadAll(reader); err != nil || len(rest) > 0 {
			t.Fatalf("behind the request in %q is %q, %v", message, rest, err)
		}
		return r, string(content)
	}
	got, gotBody := read(ours)
	want, wantBody := read(gos)
	if got.Method != want.Method || got.RequestURI != want.RequestURI || got.Host != want.Host || !reflect.DeepEqual(got.Header, want.Header) {
		t.Fatalf("got  %q\nwant %q", ours, gos)
	}
	if gotBody != body || wantBody != body {
		t.Fatalf("the body %q left as %q, and from Go's client as %q", body, gotBody, wantBody)
	}
}

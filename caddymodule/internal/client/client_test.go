// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/client"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/wire"
)

// large does not fit into what is sent in the caller's goroutine.
var large = strings.Repeat("large", 1<<18)

// A server sees the same of a request as if net/http had sent it.
func TestRequestsAreThoseOfNetHTTP(t *testing.T) {
	got := make(chan string, 1)
	address := startRaw(t, func(connection net.Conn, _ int) {
		var text strings.Builder
		reader := bufio.NewReader(io.TeeReader(connection, &text))
		for {
			text.Reset()
			if _, _, err := rawtest.ReadRequest(reader); err != nil {
				return
			}
			head, body, _ := strings.Cut(text.String(), "\r\n\r\n")
			lines := strings.Split(head, "\r\n")
			slices.Sort(lines[1:])
			got <- strings.Join(lines, "\n") + "\n\n" + body
			_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	type change = func(*http.Request)
	header := func(name string, values ...string) change {
		return func(r *http.Request) { r.Header[name] = values }
	}
	tests := map[string]struct {
		method, path, body string
		change             change
	}{
		"a small body":                    {"POST", "/base/?jsonerrors=1", "body", nil},
		"a large body":                    {"POST", "/base/", large, nil},
		"no body":                         {"GET", "/info/?a=b", "", nil},
		"only the head":                   {"HEAD", "/", "", nil},
		"a method without a body":         {"POST", "/", "", nil},
		"another method":                  {"PUT", "/", "body", nil},
		"no path":                         {"POST", "", "body", nil},
		"an escaped path":                 {"POST", "/%2f%20%41//?%41=+&;", "body", nil},
		"a host":                          {"POST", "/", "body", func(r *http.Request) { r.Host = "upload.uploadcare.com" }},
		"a host with a zone":              {"POST", "/", "body", func(r *http.Request) { r.Host = "[fe80::1%25en0]:80" }},
		"an international host":           {"POST", "/", "body", func(r *http.Request) { r.Host = "bücher.example" }},
		"a host that is none":             {"POST", "/", "body", func(r *http.Request) { r.Host = "a b/c" }},
		"a user agent":                    {"POST", "/", "body", header("User-Agent", "test", "another")},
		"a user agent that says nothing":  {"POST", "/", "body", header("User-Agent", "")},
		"a user agent without a value":    {"POST", "/", "body", header("User-Agent")},
		"several values":                  {"POST", "/", "body", header("X-Several", " a ", "b\t", "")},
		"another spelling":                {"POST", "/", "body", header("x-lower", "a")},
		"a header that is not the body's": {"POST", "/", "body", header("Content-Length", "7")},
		"another host in the header":      {"POST", "/", "body", header("Host", "example.com")},
		"a transfer coding of the header": {"POST", "/", "body", header("Transfer-Encoding", "chunked")},
		"in chunks": {"POST", "/", "body", func(r *http.Request) {
			r.ContentLength, r.Body = -1, &wire.Body{ReadCloser: r.Body}
		}},
		"in chunks, with a length": {"POST", "/", "body", func(r *http.Request) {
			r.TransferEncoding, r.Body = []string{"chunked"}, &wire.Body{ReadCloser: r.Body}
		}},
		"with a trailer": {"POST", "/", "body", func(r *http.Request) {
			r.ContentLength, r.Trailer = -1, http.Header{"X-Sum": {"1"}}
		}},
	}
	for name, test := range tests {
		for _, direct := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, direct %v", name, direct), func(t *testing.T) {
				c := newTestClient(t, nil)
				var texts []string
				for _, via := range []http.RoundTripper{c.transport, c.Client} {
					r := post(t, address+test.path, test.body, direct)
					if r.Method = test.method; test.body == "" {
						r.Body, r.ContentLength = nil, 0
					}
					if test.change != nil {
						test.change(r)
					}
					if via == c.Client && !c.Supports(r) {
						t.Fatal("it is left to net/http")
					}
					response, err := via.RoundTrip(r)
					if status, _ := readResponse(t, response, err); status != http.StatusOK {
						t.Errorf("status %d", status)
					}
					texts = append(texts, <-got)
				}
				if texts[0] != texts[1] {
					t.Errorf("got\n%.1000s\nwant\n%.1000s", texts[1], texts[0])
				}
			})
		}
	}
}

// Requests for which net/http has special handling are left to it.
func TestWhatIsLeftToNetHTTP(t *testing.T) {
	proxy := func(*http.Request) (*url.URL, error) { return url.Parse("http://proxy.example.com") }
	noProxy := func(*http.Request) (*url.URL, error) { return nil, nil }
	tests := map[string]struct {
		configure func(*http.Transport)
		change    func(*http.Request)
		taken     bool
	}{
		"nothing":                     {nil, nil, true},
		"no proxy":                    {func(t *http.Transport) { t.Proxy = noProxy }, nil, true},
		"a proxy":                     {func(t *http.Transport) { t.Proxy = proxy }, nil, false},
		"no keep-alive":               {func(t *http.Transport) { t.DisableKeepAlives = true }, nil, false},
		"a limit of connections":      {func(t *http.Transport) { t.MaxConnsPerHost = 1 }, nil, false},
		"a limit of idle connections": {func(t *http.Transport) { t.MaxIdleConns = 1 }, nil, false},
		"compression":                 {func(t *http.Transport) { t.DisableCompression = false }, nil, false},
		"compression that is asked for": {
			func(t *http.Transport) { t.DisableCompression = false },
			func(r *http.Request) { r.Header.Set("Accept-Encoding", "br") }, true,
		},
		"a client that waits to be asked": {nil, func(r *http.Request) { r.Header.Set("Expect", "100-continue") }, false},
		"an upgrade":                      {nil, func(r *http.Request) { r.Header.Set("Upgrade", "websocket") }, false},
		"a tunnel":                        {nil, func(r *http.Request) { r.Method = http.MethodConnect }, false},
		"a last request":                  {nil, func(r *http.Request) { r.Close = true }, false},
		"a body that may be empty":        {nil, func(r *http.Request) { r.ContentLength = 0 }, false},
		"a length without a body":         {nil, func(r *http.Request) { r.Body = nil }, false},
		"a length of nothing":             {nil, func(r *http.Request) { r.Body = http.NoBody }, false},
		"another scheme":                  {nil, func(r *http.Request) { r.URL.Scheme = "ftp" }, false},
		"no host":                         {nil, func(r *http.Request) { r.URL.Host = "" }, false},
		"no header":                       {nil, func(r *http.Request) { r.Header = nil }, false},
	}
	for name, test := range tests {
		r := post(t, "http://example.com/", "body", true)
		if test.change != nil {
			test.change(r)
		}
		if got := newTestClient(t, test.configure).Supports(r); got != test.taken {
			t.Errorf("%s: taken %v", name, got)
		}
	}
	secure := post(t, "https://example.com/", "body", true)
	if c := newTestClient(t, nil); !c.Supports(secure) || client.New(c.transport, true).Supports(secure) {
		t.Error("HTTP/2 over TLS is not what net/http is left with")
	}
	// And net/http handles them.
	address := startServer(t, false, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	r := post(t, address, "body", true)
	r.Header.Set("Expect", "100-continue")
	response, err := newTestClient(t, nil).RoundTrip(r)
	if status, _ := readResponse(t, response, err); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
}

// A request that some parser could read as two is not sent.
func TestRequestsThatAreNoneAreNotSent(t *testing.T) {
	tests := map[string]func(*http.Request){
		"a header's name":  func(r *http.Request) { r.Header["X: y\r\nZ"] = []string{"secret"} },
		"a header's value": func(r *http.Request) { r.Header["X"] = []string{"secret\r\nY: z"} },
		"a trailer's name": func(r *http.Request) { r.Trailer = http.Header{"": {"secret"}} },
		"the method":       func(r *http.Request) { r.Method = "POST / HTTP/1.1\r\n" },
		"the address":      func(r *http.Request) { r.URL.RawQuery = "a b" },
	}
	for name, change := range tests {
		c := newTestClient(t, nil)
		address := startServer(t, false, func(http.ResponseWriter, *http.Request) { t.Errorf("%s: it was sent", name) })
		closed := false
		r := postBody(t, address, closing{strings.NewReader("body"), &closed}, 4, true)
		change(r)
		_, err := c.RoundTrip(r)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", name, err)
		}
		if !closed {
			t.Errorf("%s: the body is not closed", name)
		}
	}
}

type closing struct {
	io.Reader
	closed *bool
}

func (c closing) Close() error { *c.closed = true; return nil }

// A trace gets the same calls as from net/http.
func TestTracesAreCalled(t *testing.T) {
	address := startServer(t, true, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Link", "</>")
		w.WriteHeader(http.StatusEarlyHints)
	})
	var seen []string
	trace := &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			_, secure := info.Conn.(*wire.TLSConn)
			seen = append(seen, fmt.Sprintf("connection %v %v", info.Reused, secure))
		},
		WroteRequest:         func(info httptrace.WroteRequestInfo) { seen = append(seen, fmt.Sprintf("written %v", info.Err)) },
		GotFirstResponseByte: func() { seen = append(seen, "response") },
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			seen = append(seen, fmt.Sprintf("%d %s", code, header.Get("Link")))
			return nil
		},
	}
	c := newTestClient(t, nil)
	for _, reused := range []bool{false, true} {
		seen = nil
		r := post(t, address, "body", true)
		response, err := c.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
		if status, _ := readResponse(t, response, err); status != http.StatusOK {
			t.Errorf("status %d", status)
		}
		want := []string{fmt.Sprintf("connection %v true", reused), "written <nil>", "response", "103 </>"}
		if !slices.Equal(seen, want) {
			t.Errorf("got %v, want %v", seen, want)
		}
	}
}

// The body that is announced is what is sent, or the request fails.
func TestABodyOfAnotherLengthIsAnError(t *testing.T) {
	address := startServer(t, false, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	for length, body := range map[int]string{5: "shorter"[:4], 3: "more", wire.SmallBuffer + 5: large, len(large) + 1: large} {
		for _, direct := range []bool{false, true} {
			c := newTestClient(t, nil)
			response, err := c.RoundTrip(postBody(t, address, struct{ io.Reader }{strings.NewReader(body)}, length, direct))
			if err == nil {
				readResponse(t, response, nil)
			}
			byCaller := direct && length <= wire.SmallBuffer
			early := !byCaller && length < len(body) // the response may come before the excess is noticed
			if err == nil && !early || err != nil && !strings.Contains(err.Error(), "Content-Length") {
				t.Errorf("%d bytes as %d: got %v", len(body), length, err)
			}
			c.checkOpen(t, 0)
		}
	}
}

// An error of dialling is returned unchanged.
func TestDialErrorsAreReturned(t *testing.T) {
	broken := func(context.Context, string, string) (net.Conn, error) { return nil, io.ErrNoProgress }
	c := newTestClient(t, func(t *http.Transport) { t.DialContext = broken })
	if _, err := c.RoundTrip(post(t, "http://example.com/", "body", true)); err != io.ErrNoProgress { //nolint:errorlint // as it is
		t.Errorf("got %v", err)
	}
	var dialled string
	c = newTestClient(t, func(t *http.Transport) {
		t.DialTLSContext = func(_ context.Context, network, address string) (net.Conn, error) {
			dialled = network + " " + address
			return nil, io.ErrNoProgress
		}
	})
	for address, want := range map[string]string{
		"https://example.com/":      "tcp example.com:443",
		"https://example.com:8443/": "tcp example.com:8443",
		"https://[::1]/":            "tcp [::1]:443",
		"https://bücher.example/":   "tcp xn--bcher-kva.example:443",
	} {
		if _, err := c.RoundTrip(post(t, address, "body", true)); err == nil || dialled != want {
			t.Errorf("%s: %v, dialled %s", address, err, dialled)
		}
	}
}

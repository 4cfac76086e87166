// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

func TestRedirectsStayWhereTheyAre(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another host was asked for %s with %v", r.URL, r.Header)
	}))
	t.Cleanup(elsewhere.Close)
	var asked []string
	server, endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		if r.Header.Get("X-Key") != "canary" || r.Header.Get("Authorization") == "" {
			t.Errorf("%s was asked with %v", r.URL, r.Header)
		}
		if r.URL.Path == "/end" {
			fmt.Fprint(w, goodResponse)
			return
		}
		hops := map[string]string{"/1": "2?canary", "/2": "/3", "/3": "http://" + r.Host + "/end", "/0": "/1", "/no-address": "http://[canary", "/nowhere": ""}
		if to, ok := hops[r.URL.Path]; ok {
			w.Header().Set("Location", to)
		} else {
			w.Header().Set("Location", r.URL.Query().Get("to"))
		}
		w.WriteHeader(http.StatusFound)
		fmt.Fprint(w, "canary")
	})
	host := strings.TrimPrefix(server.URL, "http://")
	_, port, _ := net.SplitHostPort(host)
	tests := map[string]struct {
		path, to, want string
		calls          int
	}{
		"three":          {"/1", "", "", 4},
		"four":           {"/0", "", "more than 3 times", 4},
		"another port":   {"/x", elsewhere.URL + "/canary?canary#canary", "redirects to " + elsewhere.URL + ", which is elsewhere", 1},
		"another scheme": {"/x", "https://canary:canary@" + host + "/canary", "redirects to https://" + host + ", which is elsewhere", 1},
		"another name":   {"/x", "//localhost:" + port + "/", "redirects to http://localhost:" + port, 1},
		"no scheme":      {"/x", "javascript:canary", "redirects to javascript://, which", 1},
		"no address":     {"/no-address", "", "not an address", 1},
		"nowhere":        {"/nowhere", "", "302 Found", 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			asked = nil
			endpoint.URL.Path, endpoint.URL.RawQuery = test.path, url.Values{"to": {test.to}}.Encode()
			got, err := endpoint.Token(t.Context())
			checkShown(t, err)
			if len(asked) != test.calls {
				t.Errorf("asked for %v", asked)
			}
			if test.want == "" {
				if err != nil || got.Signature != signature {
					t.Errorf("got %s, %v", got, err)
				}
			} else if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, token.ErrUnreachable) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// What goes wrong on a real connection is described without a byte of
// what came over it.
func TestBrokenConnections(t *testing.T) {
	listen := func(response string) string {
		return "http://" + rawtest.Serve(t, func(connection net.Conn, _ int) {
			_, _ = connection.Read(make([]byte, 4096))
			_, _ = io.WriteString(connection, response)
		})
	}
	closed := listen("")
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	head := "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n"
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	tests := map[string]struct {
		address, want string
		unreachable   bool
	}{
		"refused":             {dead.URL, "connection refused", true},
		"it hangs up":         {closed, "the connection ended before the response", false},
		"it speaks otherwise": {listen("SSH-2.0-canary\r\n"), "not HTTP", false},
		"a malformed header":  {listen("HTTP/1.1 200 OK\r\nsignature canary\r\n\r\n"), "not HTTP", false},
		"it breaks off":       {listen(head + goodResponse[:50]), "broke off", false},
		"a broken chunk":      {listen("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ncanary\r\n"), "broke off", false},
		"an unknown CA":       {secure.URL, "certificate signed by unknown authority", true},
		"no TLS there":        {strings.Replace(listen("HTTP/1.1 400 canary\r\n\r\n"), "http:", "https:", 1), "does not speak TLS", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			endpoint := newEndpoint(t, test.address, &http.Transport{DisableKeepAlives: true})
			endpoint.Retries = 0
			_, err := endpoint.Token(t.Context())
			checkShown(t, err)
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, token.ErrUnreachable) != test.unreachable {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// Without a connection, a failure concerns every caller. With one, the endpoint may hang
// for this caller alone; that it is there is known at once.
func TestHangingIsDistinguishedFromUnreachable(t *testing.T) {
	silent := rawtest.Serve(t, func(connection net.Conn, _ int) { _, _ = io.Copy(io.Discard, connection) })
	for scheme, unreachable := range map[string]bool{"http": false, "https": true} {
		t.Run(scheme, func(t *testing.T) {
			endpoint := newEndpoint(t, scheme+"://"+silent, &http.Transport{DisableKeepAlives: true})
			endpoint.Timeout = 200 * time.Millisecond
			_, err := endpoint.Token(t.Context())
			if err == nil || !strings.Contains(err.Error(), "no response within") || errors.Is(err, token.ErrUnreachable) != unreachable || isTimeout(err) == unreachable {
				t.Errorf("got %v", err)
			}
		})
	}
}

// net/http logs what comes over a connection unasked, such as the body of a
// response that has none.
func TestNoConnectionIsKeptOnWhichMoreCouldCome(t *testing.T) {
	var logged bytes.Buffer
	log.SetOutput(&logged)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	ended := make(chan error, 1)
	address := rawtest.Serve(t, func(connection net.Conn, _ int) {
		request := make([]byte, 4096)
		_, _ = connection.Read(request)
		_, _ = io.WriteString(connection, "HTTP/1.1 204 No Content\r\n\r\n"+goodResponse)
		_, err := connection.Read(request) // until the other side closes it
		ended <- err
	})
	endpoint := newEndpoint(t, "http://"+address, &http.Transport{})
	if _, err := endpoint.Token(t.Context()); !errors.Is(err, token.ErrRefused) {
		t.Error(err)
	}
	if err := <-ended; err == nil {
		t.Error("the connection was used again")
	}
	if logged.Len() > 0 {
		t.Errorf("logged: %s", &logged)
	}
}

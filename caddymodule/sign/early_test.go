// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sign"
)

// Early data of TLS can be sent again by all who recorded it.
func TestEarlyDataIsNotSigned(t *testing.T) {
	handler := mustSign(t, onlyProject)
	tests := map[string]struct {
		path  string
		state *tls.ConnectionState
		early bool
	}{
		"in early data":              {"/base/", &tls.ConnectionState{}, true},
		"after the handshake":        {"/base/", &tls.ConnectionState{HandshakeComplete: true}, false},
		"without TLS":                {"/base/", nil, false},
		"in early data, not signed":  {"/info/", &tls.ConnectionState{}, false},
		"in early data, by its path": {"//base", &tls.ConnectionState{}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := uploadRequest(formOf(field("UPLOADCARE_PUB_KEY", "demopublickey")))
			r.URL.Path, r.TLS = test.path, test.state
			rec := new(received)
			err := handler.ServeHTTP(httptest.NewRecorder(), r, caddyhttp.HandlerFunc(rec.upstream))
			handlerError, _ := errors.AsType[caddyhttp.HandlerError](err)
			if got := handlerError.StatusCode == http.StatusTooEarly; got != test.early || rec.called == test.early || !got && err != nil {
				t.Errorf("got %v, passed on: %v", err, rec.called)
			}
		})
	}
}

func TestNoSignatureIsHandedOutForEarlyData(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/signature", nil)
	r.TLS = new(tls.ConnectionState)
	w := httptest.NewRecorder()
	err := new(sign.Signature).ServeHTTP(w, r, nil)
	if handlerError, _ := errors.AsType[caddyhttp.HandlerError](err); handlerError.StatusCode != http.StatusTooEarly || w.Body.Len() > 0 {
		t.Errorf("got %v and %q", err, w.Body)
	}
}

// The body of a CONNECT leaves without framing, and would be requests of its own.
func TestInvariant7OnlyAConnectThatBecomesAWebSocketIsPassedOn(t *testing.T) {
	handler := mustSign(t, onlyProject)
	tests := map[string]struct {
		proto    string
		major    int
		protocol string // in the header, as net/http has it
		status   int
	}{
		"HTTP/3":                           {"HTTP/3.0", 3, "", 405},
		"HTTP/3, extended":                 {"connect-udp", 3, "", 405},
		"HTTP/3, a WebSocket":              {"websocket", 3, "", 200},
		"HTTP/3, a WebSocket in its field": {"HTTP/3.0", 3, "websocket", 405},
		"HTTP/2":                           {"HTTP/2.0", 2, "", 405},
		"HTTP/2, extended":                 {"HTTP/2.0", 2, "connect-udp", 405},
		"HTTP/2, a WebSocket":              {"HTTP/2.0", 2, "websocket", 200},
		"HTTP/1.1":                         {"HTTP/1.1", 1, "", 405},
		"HTTP/1.1, a WebSocket":            {"HTTP/1.1", 1, "websocket", 405},
	}
	for name, test := range tests {
		for _, path := range []string{"", "/info/"} {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("POST /base/?x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"))
			r.Method, r.URL.Path, r.ContentLength = http.MethodConnect, path, -1
			r.Proto, r.ProtoMajor = test.proto, test.major
			if test.protocol != "" {
				r.Header.Set(":protocol", test.protocol)
			}
			rec, response := serve(t, handler, r)
			if response.Code != test.status || rec.called != (test.status == 200) {
				t.Errorf("%s to %q: response %d, passed on: %v", name, path, response.Code, rec.called)
			}
		}
	}
}

// Without a body it is passed on, as by stock reverse_proxy.
func TestAConnectWithoutABodyIsPassedOn(t *testing.T) {
	r := httptest.NewRequest(http.MethodConnect, "http://localhost", nil)
	if rec, response := serve(t, mustSign(t, onlyProject), r); response.Code != 200 || !rec.called {
		t.Errorf("response %d", response.Code)
	}
}

// Servers do not see to that over HTTP/3.
func TestABodyShorterThanItsLengthIsNotTakenForWhole(t *testing.T) {
	form := formOf(field("UPLOADCARE_PUB_KEY", "demopublickey"), fixture.File("file", "cat.jpg", "meow"))
	params := "pub_key=demopublickey&source_url=https://example.com/cat.jpg"
	for name, r := range map[string]*http.Request{
		"a form":       uploadRequest(form),
		"parameters":   httptest.NewRequest(http.MethodPost, "/from_url/", strings.NewReader(params)),
		"not a signed": httptest.NewRequest(http.MethodPut, "/info/", strings.NewReader(params)),
	} {
		if r.Header.Get("Content-Type") == "" {
			r.Header.Set("Content-Type", fixture.URLEncoded)
		}
		whole := r.ContentLength
		r.ContentLength += 14
		rec, response := serve(t, mustSign(t, onlyProject), r)
		if rec.called && rec.err == nil || response.Code != http.StatusBadRequest || !strings.Contains(response.Body.String(), "ended before") {
			t.Errorf("%s of %d bytes: response %d %q, passed on: %v, %v", name, whole, response.Code, response.Body, rec.called, rec.err)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package hop_test

import (
	"bufio"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/hop"
)

// parsed returns the header that a message has, as net/http reads it, or nil.
func parsed(text string) http.Header {
	header, err := textproto.NewReader(bufio.NewReader(strings.NewReader(text + "\r\n\r\n"))).ReadMIMEHeader()
	if err != nil {
		return nil
	}
	return http.Header(header)
}

// roundTripper responds without a network.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// proxied returns the headers that Go's proxy makes of those of a request and a response.
func proxied(request, response http.Header) (forwarded, returned http.Header, status int) {
	proxy := httputil.ReverseProxy{
		ErrorLog: log.New(io.Discard, "", 0),
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "upstream"}) },
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			forwarded = r.Header.Clone()
			return &http.Response{StatusCode: http.StatusOK, Header: response.Clone(), Body: http.NoBody, Request: r}, nil
		}),
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/base/", nil)
	r.Header = request.Clone()
	proxy.ServeHTTP(w, r)
	return forwarded, w.Header(), w.Code
}

// without returns a header without some fields.
func without(header http.Header, names ...string) http.Header {
	left := header.Clone()
	maps.DeleteFunc(left, func(name string, _ []string) bool { return slices.Contains(names, name) })
	return left
}

// FuzzHopByHop: Go's proxy forwards the same of a request whether or not what is for this
// hop was taken out before, and only with it, what is added meanwhile; and it returns the
// same end-to-end fields of a response.
func FuzzHopByHop(f *testing.F) {
	f.Add("Connection: close, x-a\r\nX-A: 1\r\nX-B: 2")
	f.Add("Connection: Upgrade\r\nUpgrade: websocket\r\nconnection:  , authorization,\r\nAuthorization: b")
	f.Add("Connection: upgrade, connection\r\nUpgrade: websocket")
	f.Add("Keep-Alive: 1\r\nTe: trailers\r\nTrailer: x\r\nTransfer-Encoding: chunked\r\nAlt-Svc: h3")
	f.Fuzz(func(t *testing.T, text string) {
		header := parsed(text)
		if header == nil {
			return
		}
		forwarded, returned, status := proxied(header, header)
		dropped := header.Clone()
		hop.DropNominated(dropped)
		again := dropped.Clone()
		if hop.DropNominated(again); !reflect.DeepEqual(again, dropped) {
			t.Fatalf("%q becomes %q, and then %q", header, dropped, again)
		}
		if status == http.StatusOK { // not an upgrade to what is no name
			dropped.Set("Authorization", "ours")
			forwarded.Set("Authorization", "ours")
			got, _, _ := proxied(dropped, nil)
			// The proxy itself sends `Te: trailers` although Connection names it. Requests with
			// a credential have no trailer, and neither have responses to them.
			if want := without(forwarded, "Te"); !reflect.DeepEqual(without(got, "Te"), want) {
				t.Fatalf("of %q, %q leaves, want %q", header, got, want)
			}
		}
		endToEnd := make(http.Header)
		hop.AddEndToEnd(endToEnd, header)
		for name := range endToEnd {
			if hop.IsHopByHop(name) {
				t.Fatalf("of %q, %q is returned", header, name)
			}
		}
		// Alt-Svc is Caddy's addition.
		if want := without(returned, "Alt-Svc"); status == http.StatusOK && !reflect.DeepEqual(endToEnd, want) {
			t.Fatalf("of %q, %q is returned, want %q", header, endToEnd, want)
		}
	})
}

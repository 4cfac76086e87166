// SPDX-License-Identifier: Apache-2.0

package shortcut_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/proxy/shortcut"
)

// uploadHead returns an upload with further lines in its header.
func uploadHead(lines ...string) string {
	form := formOf("the file")
	return uploadOf("POST /base/?signature=old&a=%20b HTTP/1.1", fmt.Sprintf("Content-Length: %d\r\n%s", len(form), strings.Join(lines, "")), form)
}

func uploadOf(line, header, body string) string {
	return line + "\r\nHost: uploads.example.com\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=" + boundary + "\r\n" +
		header + "\r\n" + body
}

const usualResponse = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"file\":\"uuid\"}"

// What reaches the upstream by the shortcut is what Caddy's proxy sends.
func TestShortcutSendsWhatTheProxyDoes(t *testing.T) {
	t.Parallel()
	chunked := func() string {
		form := formOf("the file")
		return uploadOf("POST /base/ HTTP/1.1", "Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(form), form))
	}
	tests := map[string]struct {
		request string
		trusted bool
		change  func(*http.Request)
		whole   bool // it does not take the shortcut
	}{
		"as it is":                 {request: uploadHead()},
		"chunked":                  {request: chunked()},
		"HTTP/1.0":                 {request: strings.Replace(uploadHead(), "HTTP/1.1", "HTTP/1.0", 1)},
		"an address with a host":   {request: strings.Replace(uploadHead(), "/base/", "http://uploads.example.com/base/", 1)},
		"many slashes":             {request: strings.Replace(uploadHead(), "/base/", "///base", 1)},
		"an agent":                 {request: uploadHead("User-Agent: legacy/1.0\r\n")},
		"an empty agent":           {request: uploadHead("User-Agent: \r\n")},
		"a proxy before":           {request: uploadHead("Via: 1.0 other\r\n", "Via: 1.1 another\r\n")},
		"several values":           {request: uploadHead("X-A: 1\r\n", "X-A: 2\r\n", "X-B:\r\n")},
		"who claims to be another": {request: uploadHead("X-Forwarded-For: 192.0.2.1\r\n", "X-Forwarded-Proto: https\r\n", "X-Forwarded-Host: a.example\r\n")},
		"a trusted proxy":          {trusted: true, request: uploadHead("X-Forwarded-For: 192.0.2.1\r\n", "X-Forwarded-For: 192.0.2.2\r\n", "X-Forwarded-Proto: https\r\n", "X-Forwarded-Proto: http\r\n", "X-Forwarded-Host: a.example\r\n")},
		"a trusted proxy, silent":  {trusted: true, request: uploadHead()},
		"a trusted proxy, empty":   {trusted: true, request: uploadHead("X-Forwarded-For:\r\n", "X-Forwarded-Proto:\r\n", "X-Forwarded-Host:\r\n")},
		"100 Continue":             {request: uploadHead("Expect: 100-continue\r\n")},
		"of the site":              {request: uploadHead("Cookie: session=1\r\n", "Authorization: Bearer site\r\n")},
		"who understands trailers": {whole: true, request: uploadHead("TE: trailers\r\n")},
		"for this hop":             {whole: true, request: uploadHead("Proxy-Connection: keep-alive\r\n", "Keep-Alive: timeout=5\r\n")},
		"an upgrade":               {request: strings.Replace(uploadHead("Upgrade: websocket\r\n"), "Connection: close", "Connection: close, Upgrade", 1)},
		"nominated":                {request: strings.Replace(uploadHead("X-Private: 1\r\n"), "Connection: close", "Connection: close, X-Private", 1)},
		"what is kept from the upstream": {request: uploadHead(), change: func(r *http.Request) {
			r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"], r.Header["X-Forwarded-Host"] = nil, nil, nil
		}},
		"an address with a zone":   {request: uploadHead(), change: func(r *http.Request) { r.RemoteAddr = "[fe80::1%eth0]:80" }},
		"an address of no network": {whole: true, request: uploadHead(), change: func(r *http.Request) { r.RemoteAddr = "@" }},
		"over TLS":                 {request: uploadHead(), change: func(r *http.Request) { r.TLS = &tls.ConnectionState{HandshakeComplete: true} }},
		"after another proxy": {whole: true, request: uploadHead(), change: func(r *http.Request) {
			r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer).Set("http.reverse_proxy.upstream.address", "of forward_auth")
		}},
		"to be forwarded bit by bit": {whole: true, request: uploadHead("Incremental: ?1\r\n")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upstream := startRawUpstream(t, usualResponse)
			short, whole := startProxied(t, fmt.Sprintf(bareProxy, upstream.address)), startProxied(t, fmt.Sprintf(wholeProxy, upstream.address))
			short.trusted, whole.trusted = test.trusted, test.trusted
			short.change, whole.change = test.change, test.change
			wantResponse := whole.exchange(t, test.request)
			want := <-upstream.arrived
			gotResponse := short.exchange(t, test.request)
			if got := <-upstream.arrived; got != want {
				t.Errorf("the upstream got\n%s\nfrom the proxy\n%s", got, want)
			}
			if gotResponse != wantResponse || !strings.Contains(gotResponse, "200 OK") {
				t.Errorf("the client got\n%s\nfrom the proxy\n%s", gotResponse, wantResponse)
			}
			if took := short.took(); took == test.whole {
				t.Errorf("took the shortcut: %v", took)
			}
		})
	}
}

// The response by the shortcut, and the placeholders about it, are those of Caddy's
// proxy.
func TestShortcutRespondsAsTheProxyDoes(t *testing.T) {
	t.Parallel()
	response := func(head, body string) string {
		if body != "" && !strings.Contains(head, "Content-Type") { // or the server guesses, if it comes to that before it flushes
			head += "\nContent-Type: application/json"
		}
		return "HTTP/1.1 " + strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body
	}
	chunk := func(body string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(body), body) }
	large := strings.Repeat("0123456789abcdef", 8<<10/16) // more than is read at once
	tests := map[string]string{
		"as it is":                   usualResponse,
		"with all kinds of headers":  response("200 OK\nServer: nginx\nX-A: 1\nX-A: 2\nVia: 1.0 other\nX-Own: theirs\nContent-Length: 2", "{}"),
		"for this hop":               response("200 OK\nConnection: keep-alive\nKeep-Alive: timeout=5\nProxy-Connection: a\nAlt-Svc: h3\nUpgrade: h2c\nContent-Length: 2", "{}"),
		"nominated":                  response("200 OK\nConnection: close, x-private\nX-Private: 1\nContent-Length: 2", "{}"),
		"HTTP/1.0":                   "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil it ends",
		"until it ends":              response("200 OK\nConnection: close", "until it ends"),
		"empty":                      response("200 OK\nContent-Length: 0", ""),
		"no content":                 response("204 No Content\nX-A: 1", ""),
		"not modified":               response("304 Not Modified\nEtag: a", ""),
		"redirect":                   response("302 Found\nLocation: /a?b=c\nContent-Length: 0", ""),
		"an error":                   response("400 Bad Request\nContent-Type: text/plain\nContent-Length: 3", "bad"),
		"an error of the upstream":   response("503 Service Unavailable\nRetry-After: 1\nContent-Length: 0", ""),
		"a status of its own":        response("299 Fine\nContent-Length: 0", ""),
		"chunked":                    response("200 OK\nTransfer-Encoding: chunked", chunk("{")+chunk("}")+"0\r\n\r\n"),
		"chunked, 600 bytes":         response("200 OK\nTransfer-Encoding: chunked", chunk(large[:600])+"0\r\n\r\n"),
		"events":                     response("200 OK\nContent-Type: text/event-stream\nContent-Length: 2", "{}"),
		"interim":                    response("103 Early Hints\nLink: a\nX-Own: hint\nConnection: X-B\nX-B: b", "") + response("200 OK\nContent-Length: 2", "{}"),
		"interim, and nothing more":  response("103 Early Hints\nLink: a", ""),
		"large":                      response(fmt.Sprintf("200 OK\nContent-Length: %d", len(large)+1), large+"x"),
		"chunked, large":             response("200 OK\nTransfer-Encoding: chunked", chunk(large)+chunk(large)+"0\r\n\r\n"),
		"bit by bit":                 response("200 OK\nIncremental: ?1\nContent-Length: 2", "{}"),
		"trailers":                   response("200 OK\nTrailer: X-T\nTransfer-Encoding: chunked", chunk("{}")+"0\r\nX-T: 1\r\n\r\n"),
		"trailers, as a surprise":    response("200 OK\nTransfer-Encoding: chunked", chunk("{}")+"0\r\nX-T: 1\r\n\r\n"),
		"broken off":                 response("200 OK\nContent-Length: 100", "{"),
		"broken off, chunked":        response("200 OK\nTransfer-Encoding: chunked", chunk("{")+"5\r\n"),
		"broken off before its body": response("200 OK\nContent-Length: 100", ""),
		"no HTTP":                    "nonsense\r\n\r\n",
		"none":                       "",
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upstream := startRawUpstream(t, test)
			short, whole := startProxied(t, fmt.Sprintf(bareProxy, upstream.address)), startProxied(t, fmt.Sprintf(wholeProxy, upstream.address))
			own := http.Header{"X-Own": {"1"}, "Server": {"Caddy"}}
			short.header, whole.header = own, own
			want, got := whole.exchange(t, uploadHead()), short.exchange(t, uploadHead())
			if got != want {
				t.Errorf("the client got\n%s\nfrom the proxy\n%s", got, want)
			}
			short.Close()
			whole.Close() // both are done with the request
			comparePlaceholders(t, short, whole)
			if !short.took() {
				t.Error("it did not take the shortcut")
			}
		})
	}
}

// comparePlaceholders compares the placeholders of two exchanges.
func comparePlaceholders(t *testing.T, short, whole *proxied) {
	t.Helper()
	for _, name := range []string{
		"upstream.address", "upstream.hostport", "upstream.host", "upstream.port", "upstream.max_requests", "upstream.fails",
		"retries", "status_code", "status_text", "header.X-A", "header.Connection", "header.Location", "header.X-None", "header.X-Response-1", "header.X-Response-2",
	} {
		want, known := whole.replacer.Get("http.reverse_proxy." + name)
		if got, ok := short.replacer.Get("http.reverse_proxy." + name); got != want || ok != known {
			t.Errorf("%s is %v %v, and %v %v of the proxy", name, got, ok, want, known)
		}
	}
	for _, name := range []string{"upstream.requests", "upstream.latency", "upstream.latency_ms", "upstream.duration", "upstream.duration_ms", "duration", "duration_ms"} {
		want, known := whole.replacer.Get("http.reverse_proxy." + name)
		got, ok := short.replacer.Get("http.reverse_proxy." + name)
		if ok != known || fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) {
			t.Errorf("%s is %v %T, and %v %T of the proxy", name, got, got, want, want)
		}
	}
}

// An upload that does not get through gets the same response as from Caddy's proxy.
func TestShortcutFailsAsTheProxyDoes(t *testing.T) {
	t.Parallel()
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(silent.Close)
	inTime := func(config string) string {
		return strings.Replace(config, `"upstream_host":true`, `"upstream_host":true,"response_header_timeout":50000000`, 1)
	}
	gone := func(r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		*r = *r.WithContext(ctx)
		time.AfterFunc(50*time.Millisecond, cancel)
	}
	tests := map[string]struct {
		upstream string
		config   func(string) string
		change   func(*http.Request)
		want     string
	}{
		"refused":                 {rawtest.Closed(t), nil, nil, "502 Bad Gateway"},
		"no response":             {silent.Listener.Addr().String(), inTime, nil, "504 Gateway Timeout"},
		"a client that has gone":  {silent.Listener.Addr().String(), nil, gone, "499 "},
		"a form that breaks off":  {silent.Listener.Addr().String(), nil, func(r *http.Request) { r.Body = http.MaxBytesReader(nil, r.Body, 100) }, "413 Request Entity Too Large"},
		"an unknown project":      {silent.Listener.Addr().String(), nil, func(r *http.Request) { r.URL.RawQuery = "pub_key=other" }, "400 Bad Request"},
		"an address that is none": {"127.0.0.1:99999", nil, nil, "502 Bad Gateway"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := func(config string) *proxied {
				if test.config != nil {
					config = test.config(config)
				}
				p := startProxied(t, fmt.Sprintf(config, test.upstream))
				p.change = test.change
				return p
			}
			short, whole := start(bareProxy), start(wholeProxy)
			want, got := whole.exchange(t, uploadHead()), short.exchange(t, uploadHead())
			if got != want || !strings.HasPrefix(got, test.want) {
				t.Errorf("the client got\n%s\nfrom the proxy\n%s", got, want)
			}
			short.Close()
			whole.Close()
			comparePlaceholders(t, short, whole)
		})
	}
}

// With any option configured, there is no shortcut.
func TestOnlyABareProxyHasAShortcut(t *testing.T) {
	t.Parallel()
	const own = `"transport":{"protocol":"uploadcare","upstream_host":true}`
	tests := map[string]bool{
		`{` + own + `,"upstreams":[{"dial":"localhost:80"}]}`:                         true,
		`{` + own + `,"upstreams":[{"dial":"tcp/[::1]:8080"}]}`:                       true,
		`{` + own + `,"upstreams":[{"dial":"unix//run/socket"}]}`:                     false,
		`{` + own + `,"upstreams":[{"dial":"{env.UPSTREAM}"}]}`:                       false,
		`{` + own + `,"upstreams":[{"dial":"localhost:80-81"}]}`:                      false,
		`{` + own + `,"upstreams":[{"dial":"localhost:80","max_requests":1}]}`:        false,
		`{` + own + `,"upstreams":[{"dial":"localhost:80"},{"dial":"localhost:81"}]}`: false,
		`{` + own + `}`: false,
		`{"upstreams":[{"dial":"localhost:80"}]}`:                                                                                                    false,
		`{"transport":{"protocol":"http"},"upstreams":[{"dial":"localhost:80"}]}`:                                                                    false,
		`{"transport":{"protocol":"uploadcare"},"upstreams":[{"dial":"localhost:80"}]}`:                                                              false,
		`{"transport":{"protocol":"uploadcare","upstream_host":true,"proxy_protocol":"v1"},"upstreams":[{"dial":"localhost:80"}]}`:                   false,
		`{"transport":{"protocol":"uploadcare","upstream_host":true,"versions":["2"],"max_conns_per_host":1},"upstreams":[{"dial":"localhost:80"}]}`: true,
		`{` + own + `,"dynamic_upstreams":{"source":"a","name":"localhost"}}`:                                                                        false,
		`{` + own + `,"upstreams":[{"dial":"localhost:80"}],"headers":{"request":{"set":{"A":["b"]}}}}`:                                              false,
		`{` + own + `,"upstreams":[{"dial":"localhost:80"}],"headers":{}}`:                                                                           false,
		`{` + own + `,"upstreams":[{"dial":"localhost:80"}],"rewrite":{"uri":"/a"}}`:                                                                 false,
		`{` + own + `,"upstreams":[{"dial":"localhost:80"}],"handle_response":[{"status_code":"200"}]}`:                                              false,
		`{` + own + `,"upstreams":[{"dial":"localhost:80"}],"health_checks":{"passive":{"fail_duration":1}}}`:                                        false,
		`{` + own + `,"upstreams":[{"dial":"localhost:80"}],"load_balancing":{"retries":1}}`:                                                         false,
		`{` + own + `,"upstreams":[{"dial":"localhost:80"}],"trusted_proxies":["10.0.0.0/8"]}`:                                                       false,
		`{` + own + `,"upstreams":[{"dial":"localhost:80"}],"request_buffers":1}`:                                                                    false,
		`{` + own + `,"upstreams":[{"dial":"localhost:80"}],"flush_interval":-1}`:                                                                    false,
		`{` + own + `,"upstreams":[{"dial":"localhost:80"}],"verbose_logs":true}`:                                                                    false,
	}
	for config, want := range tests {
		if got := shortcut.SetLogger(newProxy(t, config), zap.NewNop()); got != want {
			t.Errorf("%s: %v", config, got)
		}
	}
}

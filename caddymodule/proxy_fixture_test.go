// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const (
	// bareProxy is the configuration that has a shortcut.
	bareProxy = `{"transport":{"protocol":"uploadcare","upstream_host":true},"upstreams":[{"dial":"%s"}]}`
	// wholeProxy does the same without one.
	wholeProxy = `{"transport":{"protocol":"uploadcare","upstream_host":true},"load_balancing":{"selection_policy":{"policy":"first"}},"upstreams":[{"dial":"%s"}]}`

	staticProject = `{"projects":[{"public_key":"demopublickey","source":{"module":"static",` +
		`"signature":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","expire":"4102444800"}}]}`
)

// provisioning is held while a proxy is provisioned: Caddy does one at a time.
var provisioning sync.Mutex

// newProxy provisions a proxy from its JSON form.
func newProxy(t *testing.T, config string) *Proxy {
	t.Helper()
	proxy := Proxy{}.CaddyModule().New().(*Proxy)
	if err := caddy.StrictUnmarshalJSON([]byte(config), proxy); err != nil {
		t.Fatal(err)
	}
	provisioning.Lock()
	defer provisioning.Unlock()
	root, err := caddy.ProvisionContext(&caddy.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(root)
	t.Cleanup(cancel)
	if err := proxy.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Cleanup() })
	return proxy
}

// serveSigned serves a request that a handler before it signs.
func (p *Proxy) serveSigned(sign *Sign, w http.ResponseWriter, r *http.Request) error {
	return sign.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return p.ServeHTTP(w, r, nil)
	}))
}

// preparedUpload is an upload as Caddy hands it on, with its replacer.
func preparedUpload(w http.ResponseWriter) (*http.Request, *caddy.Replacer) {
	r, replacer := uploadRequest(formOf(field("pub_key", "demopublickey"), file("file", "a.jpg", "the file"))), caddy.NewReplacer()
	return caddyhttp.PrepareRequest(r, replacer, w, new(caddyhttp.Server)), replacer
}

// proxied is a gateway whose requests a test can look at.
type proxied struct {
	*httptest.Server
	trusted bool                // what stands before it
	change  func(*http.Request) // before it is proxied, or nil

	mu       sync.Mutex
	replacer *caddy.Replacer // of the last request
	logged   *observer.ObservedLogs
	header   http.Header // that the gateway has put into answers already
}

// startProxied starts a gateway whose signature is always the same.
func startProxied(t *testing.T, config string) *proxied {
	t.Helper()
	return startProxiedBy(t, mustSign(t, staticProject), config)
}

// startProxiedBy starts a gateway.
func startProxiedBy(t *testing.T, sign *Sign, config string) *proxied {
	t.Helper()
	proxy := newProxy(t, config)
	core, logged := observer.New(zap.DebugLevel)
	if proxy.shortcut != nil {
		proxy.shortcut.logger = zap.New(core)
	}
	p := &proxied{logged: logged}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		replacer := caddy.NewReplacer()
		r = caddyhttp.PrepareRequest(r, replacer, w, new(caddyhttp.Server))
		caddyhttp.SetVar(r.Context(), caddyhttp.TrustedProxyVarKey, p.trusted)
		if p.change != nil {
			p.change(r)
		}
		for name, values := range p.header {
			w.Header()[name] = slices.Clone(values)
		}
		defer func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.replacer = replacer
		}()
		err := proxy.serveSigned(sign, w, r)
		if failure, ok := errors.AsType[caddyhttp.HandlerError](err); ok {
			http.Error(w, "error of the proxy", failure.StatusCode)
		} else if err != nil {
			t.Error(err)
		}
	}))
	p.Config.ErrorLog = nil
	t.Cleanup(p.Close)
	return p
}

// exchange sends a request as it is, and returns what came back and how it was
// framed, without what differs each time.
func (p *proxied) exchange(t *testing.T, request string) string {
	t.Helper()
	connection, err := net.Dial("tcp", p.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(connection, request); err != nil {
		t.Fatal(err)
	}
	var all, raw strings.Builder
	for reader := bufio.NewReader(io.TeeReader(connection, &raw)); ; {
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return all.String() + err.Error()
		}
		body, err := io.ReadAll(response.Body)
		fmt.Fprintf(&all, "%s\n%s%s\n%v %s\n", response.Status, headerLines(response.Header), body, err, headerLines(response.Trailer))
		if response.StatusCode >= http.StatusOK {
			if _, err := io.Copy(io.Discard, reader); err != nil {
				t.Error(err)
			}
			return all.String() + framing(raw.String())
		}
	}
}

// framing returns the lines of a message's headers that say how it is framed.
func framing(raw string) (all string) {
	for line := range strings.Lines(raw) {
		if name, _, _ := strings.Cut(line, ":"); name == "Content-Length" || name == "Transfer-Encoding" || name == "Trailer" {
			all += line
		}
	}
	return all
}

// headerLines returns a header in order, without what differs each time.
func headerLines(header http.Header) string {
	var all []string
	for name, values := range header {
		switch name {
		case "Date", "Content-Length", "Cdn-Loop", "X-Uploadcare-Request-Id":
			continue
		}
		all = append(all, fmt.Sprintf("%s: %q\n", name, values))
	}
	slices.Sort(all)
	return strings.Join(all, "")
}

// took reports whether requests since the last call took the shortcut.
func (p *proxied) took() bool { return len(p.logged.TakeAll()) > 0 }

// rawUpstream answers every request with the same bytes, and tells what it got.
type rawUpstream struct {
	net.Listener
	arrived chan string
}

func startRawUpstream(t *testing.T, answer string) *rawUpstream {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &rawUpstream{listener, make(chan string, 10)}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			u.serve(connection, answer)
		}
	}()
	return u
}

func (u *rawUpstream) serve(connection net.Conn, answer string) {
	defer connection.Close()
	request, err := http.ReadRequest(bufio.NewReader(connection))
	if err != nil {
		return
	}
	body, err := io.ReadAll(request.Body)
	u.arrived <- fmt.Sprintf("%s %s %s\n%s%d %v\n%s\n%v %s", request.Method, request.RequestURI, request.Host, headerLines(request.Header),
		request.ContentLength, request.TransferEncoding, body, err, headerLines(request.Trailer))
	_, _ = io.WriteString(connection, answer)
}

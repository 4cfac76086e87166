// SPDX-License-Identifier: Apache-2.0

package shortcut_test

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
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	_ "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule" // its handlers
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/proxy/shortcut"
)

const (
	// bareProxy is the configuration that has a shortcut.
	bareProxy = `{"transport":{"protocol":"uploadcare","upstream_host":true},"upstreams":[{"dial":"%s"}]}`
	// wholeProxy does the same without one.
	wholeProxy = `{"transport":{"protocol":"uploadcare","upstream_host":true},"load_balancing":{"selection_policy":{"policy":"first"}},"upstreams":[{"dial":"%s"}]}`

	staticProject = `{"projects":[{"public_key":"demopublickey","source":{"module":"static",` +
		`"signature":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","expire":"4102444800"}}]}`
)

// provisioning is held while a module is provisioned: Caddy does one at a time.
var provisioning sync.Mutex

// gateway is a handler that signs uploads, and the proxy after it or a shortcut.
type gateway struct{ sign, proxy caddyhttp.MiddlewareHandler }

// newGateway provisions the two from their JSON forms.
func newGateway(t *testing.T, sign, proxy string) gateway {
	t.Helper()
	ctx := newContext(t)
	provisioning.Lock()
	defer provisioning.Unlock()
	module, err := ctx.LoadModuleByID("http.handlers.uploadcare_sign", []byte(sign))
	if err != nil {
		t.Fatal(err)
	}
	return gateway{module.(caddyhttp.MiddlewareHandler), provision(t, ctx, proxy)}
}

// newContext returns a Caddy context whose loggers discard everything.
func newContext(t *testing.T) caddy.Context {
	t.Helper()
	provisioning.Lock()
	defer provisioning.Unlock()
	silent := caddy.CustomLog{BaseLog: caddy.BaseLog{WriterRaw: []byte(`{"output":"discard"}`)}}
	ctx, err := caddy.ProvisionContext(&caddy.Config{Logging: &caddy.Logging{Logs: map[string]*caddy.CustomLog{"default": &silent}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

// newProxy provisions a proxy from its JSON form, or a shortcut past it.
func newProxy(t *testing.T, config string) caddyhttp.MiddlewareHandler {
	t.Helper()
	ctx := newContext(t)
	provisioning.Lock()
	defer provisioning.Unlock()
	return provision(t, ctx, config)
}

func provision(t *testing.T, ctx caddy.Context, config string) caddyhttp.MiddlewareHandler {
	t.Helper()
	proxy := new(reverseproxy.Handler)
	if err := caddy.StrictUnmarshalJSON([]byte(config), proxy); err != nil {
		t.Fatal(err)
	}
	handler, err := shortcut.Provision(ctx, proxy)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Cleanup() })
	return handler
}

// ServeHTTP serves a request as Caddy hands it on.
func (g gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) error {
	return g.sign.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return g.proxy.ServeHTTP(w, r, nil)
	}))
}

const boundary = "----WebKitFormBoundary7MA4YWxk"

// formOf returns a form with a file, and a signature that is stale.
func formOf(content string) string {
	field := func(name, value string) string {
		return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	return field("signature", "old") + field("pub_key", "demopublickey") +
		"--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n" +
		content + "\r\n--" + boundary + "--\r\n"
}

// preparedUpload is an upload as Caddy hands it on, with its replacer.
func preparedUpload(w http.ResponseWriter) (*http.Request, *caddy.Replacer) {
	r := httptest.NewRequest(http.MethodPost, "/base/", strings.NewReader(formOf("the file")))
	r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	replacer := caddy.NewReplacer()
	return caddyhttp.PrepareRequest(r, replacer, w, new(caddyhttp.Server)), replacer
}

// proxied is a gateway whose requests a test can inspect.
type proxied struct {
	*httptest.Server
	trusted bool                // the client is a trusted proxy
	change  func(*http.Request) // before it is proxied, or nil

	mu       sync.Mutex
	replacer *caddy.Replacer // of the last request
	logged   *observer.ObservedLogs
	header   http.Header // that the gateway has put into responses already
}

// startProxied starts a gateway whose signature is always the same.
func startProxied(t *testing.T, config string) *proxied {
	t.Helper()
	return startProxiedBy(t, staticProject, config)
}

// startProxiedBy starts a gateway.
func startProxiedBy(t *testing.T, sign, config string) *proxied {
	t.Helper()
	gateway := newGateway(t, sign, config)
	core, logged := observer.New(zap.DebugLevel)
	shortcut.SetLogger(gateway.proxy, zap.New(core))
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
		err := gateway.ServeHTTP(w, r)
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

// rawUpstream responds to every request with the same bytes, and records what it got.
type rawUpstream struct {
	address string
	arrived chan string
}

func startRawUpstream(t *testing.T, response string) *rawUpstream {
	t.Helper()
	u := &rawUpstream{arrived: make(chan string, 10)}
	u.address = rawtest.Serve(t, func(connection net.Conn, _ int) {
		request, body, err := rawtest.ReadRequest(bufio.NewReader(connection))
		if request == nil {
			return
		}
		u.arrived <- fmt.Sprintf("%s %s %s\n%s%d %v\n%s\n%v %s", request.Method, request.RequestURI, request.Host, headerLines(request.Header),
			request.ContentLength, request.TransferEncoding, body, err, headerLines(request.Trailer))
		_, _ = io.WriteString(connection, response)
	})
	return u
}

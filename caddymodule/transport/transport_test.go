// SPDX-License-Identifier: Apache-2.0

package transport_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/wire"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/transport"
)

// newTransport provisions a transport from its JSON form.
func newTransport(t *testing.T, config string) *transport.Transport {
	t.Helper()
	tested := transport.Transport{}.CaddyModule().New().(*transport.Transport)
	if err := caddy.StrictUnmarshalJSON([]byte(config), tested); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(cancel)
	if err := tested.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tested.Cleanup() })
	return tested
}

const insecure = `"tls":{"insecure_skip_verify":true}`

// send makes a request of the transport, with a body that net/http does not
// know.
func send(ctx context.Context, tested *transport.Transport, address, body string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, struct{ io.Reader }{strings.NewReader(body)})
	if err != nil {
		return nil, err
	}
	request.ContentLength = int64(len(body))
	return tested.RoundTrip(request)
}

// echo responds with the version of HTTP and the body.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, _ = io.WriteString(w, r.Proto+" "+string(body))
}

func startEcho(t *testing.T, secure bool) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = nil
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server
}

func responseOf(t *testing.T, response *http.Response, err error) string {
	t.Helper()
	_, body := rawtest.ReadResponse(t, response, err)
	return body
}

// The transport is spelled as Caddy's own is, in a Caddyfile and in JSON.
func TestTransportTakesTheOptionsOfCaddysOwn(t *testing.T) {
	const options = ` {
		read_buffer 8KiB
		write_buffer 8KiB
		read_timeout 1m
		write_timeout 1m
		max_response_header 1MiB
		proxy_protocol v2
		dial_timeout 1s
		dial_fallback_delay 1s
		response_header_timeout 1m
		expect_continue_timeout 1s
		resolvers 127.0.0.1
		tls
		tls_insecure_skip_verify
		tls_server_name example.com
		tls_timeout 1s
		keepalive 1m
		keepalive_interval 1m
		keepalive_idle_conns 5
		keepalive_idle_conns_per_host 5
		versions 1.1 2
		compression off
		max_conns_per_host 5
		network_proxy none
		local_address 127.0.0.1
	}`
	own, caddys := transport.Transport{}.CaddyModule().New().(*transport.Transport), new(reverseproxy.HTTPTransport)
	if err := own.UnmarshalCaddyfile(caddyfile.NewTestDispenser("uploadcare" + options)); err != nil {
		t.Fatal(err)
	}
	if err := caddys.UnmarshalCaddyfile(caddyfile.NewTestDispenser("http" + options)); err != nil {
		t.Fatal(err)
	}
	got, want := caddyconfig.JSON(own, nil), caddyconfig.JSON(caddys, nil)
	if !bytes.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	again := transport.Transport{}.CaddyModule().New().(*transport.Transport)
	if err := caddy.StrictUnmarshalJSON(got, again); err != nil {
		t.Fatal(err)
	}
	if back, err := json.Marshal(again); err != nil || !bytes.Equal(back, want) {
		t.Errorf("back %s, %v", back, err)
	}
	if err := caddy.StrictUnmarshalJSON([]byte(`{"dail_timeout":1}`), again); err == nil {
		t.Error("a typo is accepted")
	}
	if err := own.UnmarshalCaddyfile(caddyfile.NewTestDispenser("uploadcare {\n dail_timeout 1s\n}")); err == nil {
		t.Error("a typo is accepted in a Caddyfile")
	}
}

func TestTransportSpeaksTheVersionsThatItIsGiven(t *testing.T) {
	plain, secure := startEcho(t, false), startEcho(t, true)
	tests := map[string]struct {
		url, config, want string
	}{
		"plaintext":            {plain.URL, `{}`, "HTTP/1.1"},
		"plaintext, for 2":     {plain.URL, `{"versions":["1.1","2"]}`, "HTTP/1.1"},
		"TLS, by default":      {secure.URL, `{` + insecure + `}`, "HTTP/2.0"},
		"TLS, 1.1":             {secure.URL, `{"versions":["1.1"],` + insecure + `}`, "HTTP/1.1"},
		"TLS, 2":               {secure.URL, `{"versions":["2"],` + insecure + `}`, "HTTP/2.0"},
		"TLS, with a host":     {secure.URL, `{"versions":["1.1"],"tls":{"insecure_skip_verify":true,"server_name":"example.com"}}`, "HTTP/1.1"},
		"plaintext, a timeout": {plain.URL, `{"write_timeout":"1m"}`, "HTTP/1.1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tested := newTransport(t, test.config)
			for _, body := range []string{"small", strings.Repeat("large", 1<<20), ""} { // over one connection
				response, err := send(t.Context(), tested, test.url, body)
				if got := responseOf(t, response, err); got != test.want+" "+body {
					t.Errorf("%d bytes: got %.40q… of %d bytes, want %s", len(body), got, len(got), test.want)
				}
			}
		})
	}
}

// An upgrade is not for HTTP/2, whatever the upstream speaks.
func TestTransportUpgradesOverHTTP1(t *testing.T) {
	secure := startEcho(t, true)
	tested := newTransport(t, `{`+insecure+`}`)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, secure.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"Connection": {"keep-alive, Upgrade"}, "Upgrade": {"WebSocket"}}
	response, err := tested.RoundTrip(request)
	if got := responseOf(t, response, err); got != "HTTP/1.1 " {
		t.Errorf("got %q", got)
	}
}

func TestTransportChunksABodyOfUnknownLength(t *testing.T) {
	var trailer, coding string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		coding = strings.Join(r.TransferEncoding, " ")
		echo(w, r)
		trailer = r.Trailer.Get("X-Checksum")
	}))
	t.Cleanup(server.Close)
	tested := newTransport(t, `{}`)
	for _, size := range []int{1, 20 << 10, 5 << 20} {
		body := strings.Repeat("x", size)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, struct{ io.Reader }{strings.NewReader(body)})
		if err != nil {
			t.Fatal(err)
		}
		request.Trailer = http.Header{"X-Checksum": {"abc"}}
		original := request.Body
		response, err := tested.RoundTrip(request)
		if got := responseOf(t, response, err); got != "HTTP/1.1 "+body || coding != "chunked" || trailer != "abc" {
			t.Errorf("%d bytes: got %d, %q, trailer %q", size, len(got), coding, trailer)
		}
		if request.Body != original {
			t.Error("the caller's request is changed")
		}
	}
}

// A body that comes in small pieces is sent in fewer chunks.
func TestTransportGathersChunks(t *testing.T) {
	received := make(chan string, 1)
	address := rawtest.Serve(t, func(connection net.Conn, _ int) {
		var request bytes.Buffer
		for !bytes.HasSuffix(request.Bytes(), []byte("\r\n0\r\n\r\n")) {
			piece := make([]byte, 4096)
			n, err := connection.Read(piece)
			if err != nil {
				break
			}
			request.Write(piece[:n])
		}
		_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		received <- request.String()
	})
	const pieces = 20
	body := make([]io.Reader, 0, pieces)
	for range pieces {
		body = append(body, strings.NewReader(strings.Repeat("x", 1000)))
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address, struct{ io.Reader }{io.MultiReader(body...)})
	if err != nil {
		t.Fatal(err)
	}
	response, err := newTransport(t, `{}`).RoundTrip(request)
	_ = responseOf(t, response, err)
	got := <-received
	if chunks := strings.Count(got, "x\r\n"); strings.Count(got, "xx") == 0 || chunks >= pieces/2 {
		t.Errorf("%d pieces are %d chunks", pieces, chunks)
	}
}

// witness is a listener that records what arrives.
type witness struct {
	net.Listener
	arrived *bytes.Buffer
}

func (w witness) Accept() (net.Conn, error) {
	connection, err := w.Listener.Accept()
	return watchedConn{connection, w.arrived}, err
}

type watchedConn struct {
	net.Conn
	arrived *bytes.Buffer
}

func (w watchedConn) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.arrived.Write(p[:n])
	return n, err
}

func TestTransportSendsFullRecords(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	arrived := new(bytes.Buffer)
	server.Listener = witness{server.Listener, arrived}
	server.StartTLS()
	body := strings.Repeat("x", 64<<10)
	response, err := send(t.Context(), newTransport(t, `{"versions":["1.1"],`+insecure+`}`), server.URL, body)
	if got := responseOf(t, response, err); got != "HTTP/1.1 "+body {
		t.Errorf("got %d bytes", len(got))
	}
	server.Close()
	records := 0
	for rest := arrived.Bytes(); len(rest) > 5; records++ {
		rest = rest[min(len(rest), 5+int(rest[3])<<8+int(rest[4])):]
	}
	if records > 10 { // of which 3 are the handshake's; 13 if they began small
		t.Errorf("%d records", records)
	}
}

// The clock of an upstream is believed over TLS only, whatever the transport
// sends over.
func TestConnectionsOverTLSAreKnownAsSuch(t *testing.T) {
	for _, versions := range []string{`["1.1"]`, `["1.1","2"]`} {
		for _, secure := range []bool{false, true} {
			config := `{"versions":` + versions + `}`
			if secure {
				config = `{"versions":` + versions + `,` + insecure + `}`
			}
			var known bool
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
				_, known = info.Conn.(interface{ ConnectionState() tls.ConnectionState })
			}})
			response, err := send(ctx, newTransport(t, config), startEcho(t, secure).URL, "body")
			responseOf(t, response, err)
			if known != secure {
				t.Errorf("versions %s, TLS %v: known as such: %v", versions, secure, known)
			}
		}
	}
}

// A certificate is verified, for the host that the upstream's address names.
func TestTransportVerifiesTheUpstream(t *testing.T) {
	server := startEcho(t, true)
	pool := base64.StdEncoding.EncodeToString(server.Certificate().Raw)
	tests := map[string]struct {
		tls      string
		accepted bool
	}{
		"by its authority":  {`{"root_ca_pool":["` + pool + `"]}`, true},
		"by another's":      {`{}`, false},
		"for another name":  {`{"root_ca_pool":["` + pool + `"],"server_name":"another.test"}`, false},
		"for its own name":  {`{"root_ca_pool":["` + pool + `"],"server_name":"example.com"}`, true},
		"not, as was asked": {`{"insecure_skip_verify":true}`, true},
	}
	for name, test := range tests {
		response, err := send(t.Context(), newTransport(t, `{"versions":["1.1"],"tls":`+test.tls+`}`), server.URL, "body")
		if (err == nil) != test.accepted {
			t.Errorf("%s: got %v", name, err)
		}
		if err == nil {
			_ = response.Body.Close()
		}
	}
}

// sizes is a connection that records the sizes of its writes.
type sizes struct {
	net.Conn
	largest int
}

func (s *sizes) Write(p []byte) (int, error) {
	s.largest = max(s.largest, len(p))
	return len(p), nil
}

// With a write timeout, writes are no larger than those of net/http.
func TestTransportSendsSmallPiecesUnderAWriteTimeout(t *testing.T) {
	for config, want := range map[string]int{`{"write_timeout":"1s"}`: wire.SmallBuffer, `{}`: wire.LargeBuffer} {
		synctest.Test(t, func(t *testing.T) { // where all is fast
			to := new(sizes)
			tested := newTransport(t, config)
			tested.DialBy(func(context.Context, string, string) (net.Conn, error) { return to, nil })
			connection, err := tested.Transport.DialContext(t.Context(), "tcp", "")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(connection, io.LimitReader(zeros{}, 20<<20)); err != nil {
				t.Fatal(err)
			}
			if to.largest != want {
				t.Errorf("%s: a write of %d bytes, want %d", config, to.largest, want)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// A server name may have placeholders of the request.
func TestTransportReplacesPlaceholdersInTheServerName(t *testing.T) {
	var name atomic.Value
	server := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	server.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		name.Store(hello.ServerName)
		return nil, nil
	}}
	server.StartTLS()
	t.Cleanup(server.Close)
	tested := newTransport(t, `{"versions":["1.1"],"tls":{"insecure_skip_verify":true,"server_name":"{test.name}"}}`)
	replacer := caddy.NewReplacer()
	replacer.Set("test.name", "one.example.com")
	body := strings.Repeat("x", 1<<20)
	response, err := send(context.WithValue(t.Context(), caddy.ReplacerCtxKey, replacer), tested, server.URL, body)
	if got := responseOf(t, response, err); got != "HTTP/1.1 "+body || name.Load() != "one.example.com" {
		t.Errorf("got %d bytes, server name %v", len(got), name.Load())
	}
}

// tunnel is an HTTP proxy for HTTPS.
func tunnel(used *atomic.Int32) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		used.Add(1)
		upstream, err := net.Dial("tcp", r.Host)
		if r.Method != http.MethodConnect || err != nil {
			http.Error(w, "no", http.StatusBadGateway)
			return
		}
		defer upstream.Close()
		w.WriteHeader(http.StatusOK)
		client, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer client.Close()
		go func() { _, _ = io.Copy(upstream, buffered) }()
		_, _ = io.Copy(client, upstream)
	}
}

func TestTransportGoesThroughAProxy(t *testing.T) {
	secure := startEcho(t, true)
	for _, scheme := range []string{"http", "https"} {
		for _, versions := range []string{`["1.1"]`, `["1.1","2"]`} {
			t.Run(scheme+versions, func(t *testing.T) {
				var used atomic.Int32
				proxy := httptest.NewUnstartedServer(tunnel(&used))
				if scheme == "http" {
					proxy.Start()
				} else {
					proxy.StartTLS()
				}
				t.Cleanup(proxy.Close)
				want := "HTTP/1.1"
				if strings.Contains(versions, "2") {
					want = "HTTP/2.0"
				}
				tested := newTransport(t, `{"versions":`+versions+`,"network_proxy":{"from":"url","url":"`+proxy.URL+`"},`+insecure+`}`)
				for _, body := range []string{"small", strings.Repeat("large", 1<<20)} {
					response, err := send(caddyContext(t), tested, secure.URL, body)
					if got := responseOf(t, response, err); got != want+" "+body {
						t.Errorf("%d bytes: got %.40q… of %d bytes", len(body), got, len(got))
					}
				}
				if used.Load() == 0 {
					t.Error("the proxy was not used")
				}
			})
		}
	}
}

// An error of dialling is of the type that Caddy's is, so that Caddy retries.
func TestTransportReportsAnUpstreamThatCannotBeDialled(t *testing.T) {
	address := rawtest.Closed(t)
	for _, scheme := range []string{"http", "https"} {
		_, err := send(t.Context(), newTransport(t, `{`+insecure+`}`), scheme+"://"+address, "body")
		if _, ok := errors.AsType[reverseproxy.DialError](err); !ok {
			t.Errorf("%s: got %v", scheme, err)
		}
	}
}

// silent is an upstream that accepts connections and does nothing.
func silent(t *testing.T) (address string) {
	t.Helper()
	return rawtest.Serve(t, func(net.Conn, int) { <-t.Context().Done() })
}

func TestTransportKeepsTimeouts(t *testing.T) {
	tests := map[string]struct{ scheme, config, body string }{
		"of the handshake":                      {"https", `{"tls":{"insecure_skip_verify":true,"handshake_timeout":"100ms"}}`, "body"},
		"of the handshake, Caddy's own":         {"https", `{"tls":{"server_name":"localhost{test.name}","handshake_timeout":"100ms"}}`, "body"},
		"of a write":                            {"http", `{"write_timeout":"100ms"}`, strings.Repeat("large", 5<<20)},
		"of a read":                             {"http", `{"read_timeout":"100ms"}`, "body"},
		"until the response, after a small one": {"http", `{"response_header_timeout":"100ms"}`, "body"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			ctx := context.WithValue(t.Context(), caddy.ReplacerCtxKey, caddy.NewReplacer())
			_, err := send(ctx, newTransport(t, test.config), test.scheme+"://"+silent(t), test.body)
			var timeout interface{ Timeout() bool }
			if !errors.As(err, &timeout) || !timeout.Timeout() && !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// A request whose context ends does not wait for the upstream.
func TestTransportIsCancelled(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		_, err := send(ctx, newTransport(t, `{`+insecure+`}`), scheme+"://"+silent(t), strings.Repeat("large", 5<<20))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", scheme, err)
		}
	}
}

func caddyContext(t *testing.T) context.Context {
	t.Helper()
	return context.WithValue(t.Context(), caddyhttp.VarsCtxKey, map[string]any{})
}

func TestTheHostHeaderOfAnUpstream(t *testing.T) {
	const own = "gateway.example.com"
	tests := []struct{ network, host, want string }{
		{"tcp", "upload.uploadcare.com", "upload.uploadcare.com"},
		{"tcp", "192.0.2.1", "192.0.2.1"},
		{"tcp", "2001:db8::1", "[2001:db8::1]"},
		{"tcp", "fe80::1%eth0", "[fe80::1]"},
		{"tcp", "", own},
		{"unix", "/run/relay.sock", own},
	}
	for _, test := range tests {
		upstream := reverseproxy.DialInfo{Network: test.network, Host: test.host}
		if got := transport.HostHeader(upstream, own); got != test.want {
			t.Errorf("%s %q: got %q, want %q", test.network, test.host, got, test.want)
		}
	}
}

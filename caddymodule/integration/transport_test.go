// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startTLSUpstream is startUpstream over TLS, with HTTP/2.
func startTLSUpstream(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// trusting is the gateway's own transport, with options.
func trusting(options string) string {
	return "transport uploadcare {\n\t\t\ttls_insecure_skip_verify\n\t\t\t" + options + "\n\t\t}"
}

// upstreams runs a test with an upstream in plaintext and with one over TLS, in
// each version of HTTP.
func upstreams(t *testing.T, handler http.HandlerFunc, test func(t *testing.T, gateway string, c *caddyProcess)) {
	t.Helper()
	for name, upstream := range map[string]struct {
		start   func(*testing.T, http.HandlerFunc) *httptest.Server
		options string
	}{
		"plaintext":       {startUpstream, ""},
		"HTTP/1.1 of TLS": {startTLSUpstream, trusting("")},
		"HTTP/2":          {startTLSUpstream, trusting("versions 2")},
	} {
		t.Run(name, func(t *testing.T) {
			gateway := freeAddress(t)
			c := startCaddy(t, gatewayTo(gateway, upstream.start(t, handler).URL, upstream.options), canarySecret)
			test(t, "http://"+gateway, c)
		})
	}
}

var large = strings.Repeat("0123456789abcdef", 5<<16) // 5 MiB

// formFile returns the file that an upload brought to the upstream.
func formFile(r *http.Request) (string, error) {
	if err := r.ParseMultipartForm(32 << 20); err != nil {
		return "", err
	}
	defer r.MultipartForm.RemoveAll()
	if len(r.MultipartForm.Value["signature"]) != 1 {
		return "", fmt.Errorf("%d signatures", len(r.MultipartForm.Value["signature"]))
	}
	content, _, err := r.FormFile("file")
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(content)
	return string(text), err
}

// Invariants 1 and 3, whatever the upstream speaks.
func TestInvariants1And3OverEveryTransport(t *testing.T) {
	upstreams(t, func(w http.ResponseWriter, r *http.Request) {
		length := r.ContentLength
		content, err := formFile(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, "%d %d %v", length, len(content), content == large[:len(content)])
	}, func(t *testing.T, gateway string, _ *caddyProcess) {
		t.Helper()
		for _, size := range []int{0, 1, 1000, 20 << 10, 32 << 10, 40 << 10, len(large)} {
			form := formOf(key, file("file", large[:size]), field("signature", "old"))
			fresh := len(formOf(field("signature", strings.Repeat("0", 64)), field("expire", "1234567890"))) - len(formOf())
			response := do(t, http.DefaultClient, newUpload(t, gateway+"/base/", strings.NewReader(form)))
			if got, want := readAll(t, response), fmt.Sprint(len(form)+fresh, size, true); got != want {
				t.Errorf("with a length: got %s, want %s", got, want)
			}
			response = do(t, http.DefaultClient, newUpload(t, gateway+"/base/", struct{ io.Reader }{strings.NewReader(form)}))
			if got, want := readAll(t, response), fmt.Sprint(-1, size, true); got != want {
				t.Errorf("chunked: got %s, want %s", got, want)
			}
		}
	})
}

// A client that waits to see what becomes of its first bytes before it sends
// more does not wait in vain.
func TestASlowClientsBytesAreNotHeldBack(t *testing.T) {
	arrived := make(chan int)
	upstreams(t, func(w http.ResponseWriter, r *http.Request) {
		reader, seen := bufio.NewReader(r.Body), 0
		arrived <- seen // the head
		for {
			piece, err := reader.ReadString('!')
			if err != nil {
				break
			}
			if seen += strings.Count(piece, "!"); seen <= 20 {
				arrived <- seen
			}
		}
	}, func(t *testing.T, gateway string, _ *caddyProcess) {
		t.Helper()
		for _, framing := range []string{"with a length", "chunked"} {
			body, client := io.Pipe()
			form := formOf(key, file("file", strings.Repeat("x!", 20)))
			request := newUpload(t, gateway+"/base/", body)
			if framing == "with a length" {
				request.ContentLength = int64(len(form))
			}
			responded := make(chan error, 1)
			go func() {
				response, err := http.DefaultClient.Do(request)
				if err == nil {
					_ = response.Body.Close()
				}
				responded <- err
			}()
			next := func(want int) {
				receive(t, fmt.Sprintf("%s: %d pieces arrive", framing, want), arrived)
			}
			next(0)
			first, rest, _ := strings.Cut(form, "!")
			_, _ = io.WriteString(client, first+"!")
			next(1)
			for i := range 19 {
				first, rest, _ = strings.Cut(rest, "!")
				_, _ = io.WriteString(client, first+"!")
				next(i + 2)
			}
			_, _ = io.WriteString(client, rest)
			_ = client.Close()
			if err := receive(t, framing+": the upload ends", responded); err != nil {
				t.Errorf("%s: %v", framing, err)
			}
		}
	})
}

// Invariant 10, in part: an early response is heard over every transport.
func TestInvariant10AnEarlyResponseIsHeardOverEveryTransport(t *testing.T) {
	upstreams(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadFull(r.Body, make([]byte, 100<<10))
		http.Error(w, "early", http.StatusRequestEntityTooLarge)
	}, func(t *testing.T, gateway string, _ *caddyProcess) {
		t.Helper()
		for range 3 {
			response := do(t, http.DefaultClient, newUpload(t, gateway+"/base/", trickle(formOf(key, file("file", large)), 50, 20*time.Millisecond)))
			if body := readAll(t, response); response.StatusCode != http.StatusRequestEntityTooLarge || body != "early\n" {
				t.Errorf("response %d %q", response.StatusCode, body)
			}
		}
	})
}

// A client that hangs up is seen to by the upstream, which gets no whole form.
func TestAClientThatHangsUpIsNotTakenForComplete(t *testing.T) {
	begun, outcome := make(chan struct{}, 1), make(chan error, 1)
	upstreams(t, func(_ http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		_, err := io.Copy(io.Discard, r.Body)
		outcome <- err
	}, func(t *testing.T, gateway string, c *caddyProcess) {
		t.Helper()
		form := formOf(key, file("file", large))
		for framing, head := range map[string]string{
			"with a length": fmt.Sprintf("Content-Length: %d\r\n\r\n", len(form)),
			"chunked":       fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n", len(form)),
		} {
			connection, err := net.Dial("tcp", strings.TrimPrefix(gateway, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(connection, "POST /base/ HTTP/1.1\r\nHost: %s\r\nContent-Type: multipart/form-data; boundary=%s\r\n%s%s",
				strings.TrimPrefix(gateway, "http://"), boundary, head, form[:len(form)/2])
			receive(t, framing+": the upload reaches the upstream", begun)
			_ = connection.Close()
			if err := receive(t, framing+": the upload ends at the upstream", outcome); err == nil {
				t.Errorf("%s: the upstream takes it for complete", framing)
			}
		}
		if strings.Contains(c.output.String(), "panic") {
			t.Errorf("output:\n%s", c.output)
		}
	})
}

// An upstream that hangs up is reported to the client.
func TestAnUpstreamThatHangsUpIsReported(t *testing.T) {
	upstreams(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadFull(r.Body, make([]byte, 1<<20))
		panic(http.ErrAbortHandler)
	}, func(t *testing.T, gateway string, c *caddyProcess) {
		t.Helper()
		for range 3 {
			response := do(t, http.DefaultClient, newUpload(t, gateway+"/base/", strings.NewReader(formOf(key, file("file", large)))))
			if body := readAll(t, response); response.StatusCode != http.StatusBadGateway || body != "The Upload API cannot be reached by the gateway." {
				t.Errorf("response %d %q", response.StatusCode, body)
			}
		}
		if strings.Contains(c.output.String(), "panic") {
			t.Errorf("output:\n%s", c.output)
		}
	})
}

// Trailers of responses pass. A request's are discarded, for they come after the headers that are
// for the site alone have been taken out.
func TestTrailersOfResponsesPass(t *testing.T) {
	upstreams(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "X-Sum")
		_, _ = io.WriteString(w, "got "+r.Trailer.Get("X-Sum"))
		_ = http.NewResponseController(w).Flush() // of unknown length, for it has a trailer
		w.Header().Set("X-Sum", "there")
	}, func(t *testing.T, gateway string, _ *caddyProcess) {
		t.Helper()
		request := newUpload(t, gateway+"/multipart/complete/", struct{ io.Reader }{strings.NewReader(large)})
		request.Trailer = http.Header{"X-Sum": {"here"}}
		response := do(t, http.DefaultClient, request)
		if body := readAll(t, response); body != "got " || response.Trailer.Get("X-Sum") != "there" {
			t.Errorf("response %q, trailer %v", body, response.Trailer)
		}
	})
}

// An upload that has not begun is sent to another upstream.
func TestAnUpstreamThatCannotBeDialledIsPassedOver(t *testing.T) {
	for name, upstream := range map[string]*httptest.Server{"plaintext": startUpstream(t, swallow), "TLS": startTLSUpstream(t, swallow)} {
		t.Run(name, func(t *testing.T) {
			scheme, _, _ := strings.Cut(upstream.URL, "://")
			options := "lb_policy round_robin\n\t\tlb_try_duration 10s\n\t\t"
			if scheme == "https" {
				options += trusting("")
			}
			gateway := freeAddress(t)
			startCaddy(t, gatewayTo(gateway, scheme+"://"+freeAddress(t)+" "+upstream.URL, options), canarySecret)
			for range 5 {
				response := do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", strings.NewReader(formOf(key, file("file", large)))))
				if body := readAll(t, response); response.StatusCode != http.StatusOK {
					t.Errorf("response %d %q", response.StatusCode, body)
				}
			}
		})
	}
}

// prefixed is a listener whose connections begin with a line of the PROXY
// protocol, which it passes on.
type prefixed struct {
	net.Listener
	lines chan string
}

func (p prefixed) Accept() (net.Conn, error) {
	connection, err := p.Listener.Accept()
	if err != nil {
		return nil, err
	}
	var line bytes.Buffer
	for b := make([]byte, 1); !bytes.HasSuffix(line.Bytes(), []byte("\n")); line.Write(b) {
		if _, err := io.ReadFull(connection, b); err != nil {
			return nil, errors.Join(err, connection.Close())
		}
	}
	p.lines <- line.String()
	return connection, nil
}

func TestTheProxyProtocolComesFirst(t *testing.T) {
	for _, secure := range []bool{false, true} {
		lines := make(chan string, 10)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			content, err := formFile(r)
			fmt.Fprint(w, len(content), err)
		}))
		server.Listener = prefixed{server.Listener, lines}
		options := "transport uploadcare {\n\t\t\tproxy_protocol v1\n\t\t}"
		if secure {
			server.StartTLS()
			options = trusting("proxy_protocol v1\n\t\t\ttls_server_name example.com")
		} else {
			server.Start()
		}
		t.Cleanup(server.Close)
		gateway := freeAddress(t)
		startCaddy(t, gatewayTo(gateway, server.URL, options), canarySecret)
		for range 2 {
			response := do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", strings.NewReader(formOf(key, file("file", large)))))
			if got, want := readAll(t, response), fmt.Sprint(len(large), nil); got != want {
				t.Errorf("over TLS %v: response %q, want %q", secure, got, want)
			}
		}
		if line := receive(t, "a line arrives", lines); !strings.HasPrefix(line, "PROXY TCP4 127.0.0.1 ") {
			t.Errorf("over TLS %v: got %q", secure, line)
		}
	}
}

func TestAnUpstreamMayBeAUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, err := formFile(r)
		fmt.Fprint(w, len(content), err)
	}))
	_ = server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	gateway := freeAddress(t)
	startCaddy(t, gatewayTo(gateway, "unix/"+path, ""), canarySecret)
	response := do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", strings.NewReader(formOf(key, file("file", large)))))
	if got, want := readAll(t, response), fmt.Sprint(len(large), nil); got != want {
		t.Errorf("response %q, want %q", got, want)
	}
}

// A stop waits for uploads, and not for connections that were upgraded: Caddy closes those
// itself, when it has stopped all else.
func TestAStopDoesNotWaitForUpgradedConnections(t *testing.T) {
	upstream := startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer connection.Close()
		_, _ = io.WriteString(connection, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_, _ = io.Copy(io.Discard, connection) // until Caddy closes it
	})
	gateway := freeAddress(t)
	c := startCaddy(t, gatewayTo(gateway, upstream.URL, ""), canarySecret)
	connection, err := net.Dial("tcp", gateway)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "GET /socket HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", gateway)
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", response, err)
	}
	c.terminate()
	exits(t, c)
}

// A connection that was upgraded is a pipe: nothing in it waits, and its ends
// close one by one.
func TestAnUpgradedConnectionIsAPipe(t *testing.T) {
	for _, secure := range []bool{false, true} {
		upgrade := func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "websocket")
			w.WriteHeader(http.StatusSwitchingProtocols)
			connection, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer connection.Close()
			_, _ = io.Copy(connection, buffered) // until the client closes its end
			_, _ = io.WriteString(connection, "end")
		}
		gateway := freeAddress(t)
		if secure {
			startCaddy(t, gatewayTo(gateway, startTLSUpstream(t, upgrade).URL, trusting("versions 1.1 2")), canarySecret)
		} else {
			startCaddy(t, gatewayTo(gateway, startUpstream(t, upgrade).URL, ""), canarySecret)
		}
		connection, err := net.Dial("tcp", gateway)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = connection.Close() })
		_ = connection.SetDeadline(time.Now().Add(30 * time.Second))
		fmt.Fprintf(connection, "GET /socket HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", gateway)
		reader := bufio.NewReader(connection)
		response, err := http.ReadResponse(reader, nil)
		if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("over TLS %v: %v, %v", secure, response, err)
		}
		for _, text := range []string{"ping", "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", strings.Repeat("x", 100<<10)} {
			go func() { _, _ = io.WriteString(connection, text) }()
			got := make([]byte, len(text))
			if _, err := io.ReadFull(reader, got); err != nil || string(got) != text {
				t.Fatalf("over TLS %v: got %.40q, %v", secure, got, err)
			}
		}
		_ = connection.(*net.TCPConn).CloseWrite()
		if rest, err := io.ReadAll(reader); string(rest) != "end" || err != nil {
			t.Errorf("over TLS %v: at the end got %q, %v", secure, rest, err)
		}
	}
}

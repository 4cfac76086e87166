// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// delivery is what an upstream was sent.
type delivery struct {
	host, forwarded string
	form            string
}

// startUpstreamOn runs an upstream on a listener of the network and the address.
func startUpstreamOn(t *testing.T, network, address string, secure bool) (*httptest.Server, <-chan delivery) {
	t.Helper()
	arrived := make(chan delivery, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		arrived <- delivery{r.Host, r.Header.Get("X-Forwarded-For"), string(body)}
		_, _ = io.WriteString(w, `{"file":"c0d776d4-8c8e-47df-9e92-03b68b99c2ba"}`)
	}))
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	_ = server.Listener.Close()
	server.Listener = listener
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server, arrived
}

// needsIPv6 leaves a case out where loopback has no ::1, as in many containers. Tests in CI
// leave nothing out.
func needsIPv6(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp6", "[::1]:0")
	switch {
	case err == nil:
		_ = listener.Close()
	case os.Getenv("CI") != "":
		t.Fatalf("loopback has no ::1: %v", err)
	default:
		t.Skipf("left out, since loopback has no ::1: %v", err)
	}
}

// clientOf returns a client that reaches whatever it asks for at one address.
func clientOf(t *testing.T, network, address string) *http.Client {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// socket returns the path of a socket, short enough for every system.
func socket(t *testing.T, name string) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	return filepath.Join(directory, name)
}

func portOf(address string) string { return address[strings.LastIndex(address, ":")+1:] }

// Clients come, and uploads go on, over each kind of address. The upstream is asked for by
// its own name, as a header can have it; one on a socket has none.
func TestUploadsOverEachKindOfAddress(t *testing.T) {
	const host = "gateway.example.com"
	six := "[::1]:"
	sites := map[string]func(t *testing.T) (bind, network, address, forwarded string){
		"IPv6": func(t *testing.T) (bind, network, address, forwarded string) {
			t.Helper()
			needsIPv6(t)
			return "[::1]", "tcp6", six + portOf(freeAddress(t)), "::1"
		},
		"both, reached over IPv6": func(t *testing.T) (bind, network, address, forwarded string) {
			t.Helper()
			needsIPv6(t)
			return "", "tcp6", six + portOf(freeAddress(t)), "::1"
		},
		"both, reached over IPv4": func(t *testing.T) (bind, network, address, forwarded string) {
			t.Helper()
			return "", "tcp4", freeAddress(t), "127.0.0.1"
		},
		"a Unix socket": func(t *testing.T) (bind, network, address, forwarded string) {
			t.Helper()
			path := socket(t, "site")
			return "unix/" + path, "unix", path, ""
		},
	}
	upstreams := map[string]func(t *testing.T) (upstream, options, host string, arrived <-chan delivery){
		"IPv6": func(t *testing.T) (string, string, string, <-chan delivery) {
			t.Helper()
			needsIPv6(t)
			server, arrived := startUpstreamOn(t, "tcp6", "[::1]:0", false)
			return server.URL, "", "[::1]", arrived
		},
		"IPv6, by reverse_proxy's way": func(t *testing.T) (string, string, string, <-chan delivery) {
			t.Helper()
			needsIPv6(t)
			server, arrived := startUpstreamOn(t, "tcp6", "[::1]:0", false)
			return server.URL, "lb_try_duration 1s", "[::1]", arrived
		},
		"IPv6, over TLS": func(t *testing.T) (string, string, string, <-chan delivery) {
			t.Helper()
			needsIPv6(t)
			server, arrived := startUpstreamOn(t, "tcp6", "[::1]:0", true)
			authority := filepath.Join(t.TempDir(), "authority.pem")
			block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
			if err := os.WriteFile(authority, block, 0o600); err != nil {
				t.Fatal(err)
			}
			return server.URL, "transport uploadcare {\n\t\t\ttls_trust_pool file " + authority + "\n\t\t}", "[::1]", arrived
		},
		"a Unix socket": func(t *testing.T) (string, string, string, <-chan delivery) {
			t.Helper()
			path := socket(t, "upstream")
			_, arrived := startUpstreamOn(t, "unix", path, false)
			return "unix/" + path, "", host, arrived
		},
		"a Unix socket, with a name": func(t *testing.T) (string, string, string, <-chan delivery) {
			t.Helper()
			path := socket(t, "upstream")
			_, arrived := startUpstreamOn(t, "unix", path, false)
			return "unix/" + path, "header_up Host upload.uploadcare.com", "upload.uploadcare.com", arrived
		},
	}
	upstreams["a port of this machine"] = func(t *testing.T) (string, string, string, <-chan delivery) {
		t.Helper()
		server, arrived := startUpstreamOn(t, "tcp", "127.0.0.1:0", false)
		return "http://:" + portOf(server.URL), "", host, arrived
	}
	for siteName, site := range sites {
		for upstreamName, upstream := range upstreams {
			t.Run(siteName+" to "+upstreamName, func(t *testing.T) {
				bind, network, address, forwarded := site(t)
				to, options, wantHost, arrived := upstream(t)
				caddyfile := fmt.Sprintf("http://:%s {\n", portOf(address))
				if network == "unix" {
					caddyfile = "http:// {\n"
				}
				if bind != "" {
					caddyfile += "\tbind " + bind + "\n"
				}
				caddyfile += fmt.Sprintf("\tlog\n\tuploadcare {\n\t\tproject demopublickey {\n\t\t\tsecret_key demosecretkey\n\t\t}\n\t\tupstream %s\n\t\t%s\n\t}\n}\n", to, options)
				startCaddy(t, caddyfile)
				for _, content := range []string{"small", photo, strings.Repeat("x", 5<<20)} {
					response := do(t, clientOf(t, network, address), newUpload(t, "http://"+host+"/base/", strings.NewReader(formOf(key, file("file", content)))))
					if got := readAll(t, response); response.StatusCode != http.StatusOK {
						t.Fatalf("response %d %s", response.StatusCode, got)
					}
					got := receive(t, "the upload arrives", arrived)
					if got.host != wantHost || got.forwarded != forwarded {
						t.Errorf("the upstream was asked for %q, want %q, on behalf of %q, want %q", got.host, wantHost, got.forwarded, forwarded)
					}
					if !strings.Contains(got.form, content) || strings.Count(got.form, `name="signature"`) != 1 {
						t.Errorf("%d bytes arrived, with %d signatures", len(got.form), strings.Count(got.form, `name="signature"`))
					}
				}
			})
		}
	}
}

// A service manager or a container engine may set no HOME. Caddy then keeps its data in the
// directory in which it runs, certificates and the sandbox's files included.
func TestUploadsWithoutHOME(t *testing.T) {
	d := newDemo(t)
	c := newCaddy(t)
	c.homeless = true
	c.write(d.caddyfile("", ""))
	c.start(c.path())
	d.awaitCertificate(t)
	for _, address := range []string{"https://" + d.secure, "http://" + d.plain} {
		response := do(t, client(t, "HTTP/1.1"), newUpload(t, address+"/base/", strings.NewReader(formOf(key, file("file", photo)))))
		checkStored(t, d, response, "file", photo)
	}
	for _, kept := range []string{"caddy/pki", "caddy/uploadcare_sandbox"} {
		if _, err := os.Stat(filepath.Join(c.directory, kept)); err != nil {
			t.Error(err)
		}
	}
	c.terminate()
	exits(t, c)
	if code := c.command.ProcessState.ExitCode(); code != 0 {
		t.Errorf("Caddy exited with %d", code)
	}
}

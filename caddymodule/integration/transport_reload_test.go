// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
)

// judged responds to an upload with the size of its file, and whether it is whole.
func judged(w http.ResponseWriter, r *http.Request) {
	content, err := formFile(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprint(w, len(content), content == large[:len(content)])
}

const whole = "5242880 true" // what judged says of large

// midway is an upload of which half has been sent.
type midway struct {
	t         *testing.T
	client    *io.PipeWriter
	rest      string
	responded chan *http.Response
}

// sendHalf begins an upload of which it sends half, and waits until some of it
// has passed.
func sendHalf(t *testing.T, gateway, framing string, arrived <-chan struct{}) midway {
	t.Helper()
	form := formOf(key, field("signature", "old"), file("file", large))
	body, client := io.Pipe()
	request := newUpload(t, gateway+"/base/", body)
	if framing == "with a length" {
		request.ContentLength = int64(len(form))
	}
	m := midway{t, client, form[len(form)/2:], make(chan *http.Response, 1)}
	go func() {
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Errorf("upload: %v", err)
		}
		m.responded <- response
	}()
	if _, err := io.WriteString(client, form[:len(form)/2]); err != nil {
		t.Fatal(err)
	}
	receive(t, "the upload reaches the upstream", arrived)
	return m
}

// finish sends the rest of the upload and returns the response.
func (m midway) finish() string {
	m.t.Helper()
	if _, err := io.WriteString(m.client, m.rest); err != nil {
		m.t.Fatal(err)
	}
	_ = m.client.Close()
	response := receive(m.t, "the upload ends", m.responded)
	if response == nil {
		m.t.Fatal("no response")
	}
	return readAll(m.t, response)
}

// Invariant 9, over every transport: the transport of an upload that is under
// way goes on when its config has gone, and when Caddy is to stop.
func TestInvariant9TheTransportOutlivesItsConfig(t *testing.T) {
	arrived := make(chan struct{}, 10)
	upstreams(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		judged(w, r)
	}, func(t *testing.T, gateway string, c *caddyProcess) {
		t.Helper()
		caddyfile, err := os.ReadFile(c.path())
		if err != nil {
			t.Fatal(err)
		}
		_, site, _ := strings.Cut(string(caddyfile), "\n}\n") // after the global options
		another := strings.Replace(site, "secret_key {env.CANARY_SECRET}", "secret_key another", 1)
		for _, framing := range []string{"with a length", "chunked"} {
			byCommand := sendHalf(t, gateway, framing, arrived)
			c.reload(another)
			byAdmin := sendHalf(t, gateway, framing, arrived)
			c.load(site)
			if got := byCommand.finish(); got != whole {
				t.Errorf("%s, caddy reload: response %q", framing, got)
			}
			if got := byAdmin.finish(); got != whole {
				t.Errorf("%s, the admin API: response %q", framing, got)
			}
		}
		underWay := sendHalf(t, gateway, "with a length", arrived)
		c.terminate()
		eventually(t, "connections are refused", func() bool { return refuses(strings.TrimPrefix(gateway, "http://")) })
		if got := underWay.finish(); got != whole {
			t.Errorf("stop: response %q", got)
		}
		exits(t, c)
	})
}

// load posts another Caddyfile to the admin API.
func (c *caddyProcess) load(caddyfile string) {
	c.t.Helper()
	c.write(caddyfile)
	content, err := os.ReadFile(c.path())
	if err != nil {
		c.t.Fatal(err)
	}
	response, err := http.Post("http://"+c.admin+"/load", "text/caddyfile", strings.NewReader(string(content)))
	if err != nil {
		c.t.Fatal(err)
	}
	if body := readAll(c.t, response); response.StatusCode != http.StatusOK {
		c.t.Fatalf("load: %d %s", response.StatusCode, body)
	}
	http.DefaultClient.CloseIdleConnections()
}

// The options of Caddy's own transport mean the same here.
func TestUploadsPassWithEachOptionOfTheTransport(t *testing.T) {
	plain, secure := startUpstream(t, judged), startTLSUpstream(t, judged)
	options := []string{
		"keepalive off", "keepalive 1s", "compression off", "max_conns_per_host 1", "local_address 127.0.0.1",
		"write_timeout 10s", "read_timeout 10s", "write_buffer 64KiB", "read_buffer 64KiB", "response_header_timeout 30s",
		"expect_continue_timeout 1s", "network_proxy none",
	}
	var sites strings.Builder
	gateways := make(map[string]string) // what they are, by address
	for _, option := range options {
		for name, server := range map[string]*httptest.Server{"plaintext": plain, "TLS": secure} {
			trust := "transport uploadcare {\n\t\t\t" + option + "\n\t\t}"
			if server == secure {
				trust = trusting(option)
			}
			gateway := freeAddress(t)
			for gateways[gateway] != "" {
				gateway = freeAddress(t)
			}
			gateways[gateway] = option + ", " + name
			sites.WriteString(gatewayTo(gateway, server.URL, trust))
		}
	}
	startCaddy(t, sites.String(), canarySecret)
	form := formOf(key, field("signature", "old"), file("file", large))
	for gateway, name := range gateways {
		for framing, body := range map[string]func() io.Reader{
			"with a length": func() io.Reader { return strings.NewReader(form) },
			"chunked":       func() io.Reader { return struct{ io.Reader }{strings.NewReader(form)} },
		} {
			for range 2 {
				response := do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", body()))
				if got := readAll(t, response); got != whole {
					t.Errorf("%s, %s: response %d %q", name, framing, response.StatusCode, got)
				}
			}
		}
	}
}

// Active health checks go through the transport too, and an upstream that they
// find ill is passed over.
func TestHealthChecksGoThroughTheTransport(t *testing.T) {
	var ill atomic.Bool
	handler := func(name string, ill *atomic.Bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/healthy" && ill != nil && ill.Load():
				w.WriteHeader(http.StatusServiceUnavailable)
			case r.URL.Path == "/healthy":
			default:
				_, _ = io.Copy(io.Discard, r.Body)
				fmt.Fprint(w, name)
			}
		}
	}
	first, second := startTLSUpstream(t, handler("first", &ill)), startTLSUpstream(t, handler("second", nil))
	gateway := freeAddress(t)
	startCaddy(t, gatewayTo(gateway, first.URL+" "+second.URL,
		"lb_policy first\n\t\thealth_uri /healthy\n\t\thealth_interval 100ms\n\t\thealth_timeout 10s\n\t\t"+trusting("")), canarySecret)
	form := formOf(key, file("file", photo))
	responded := func(want string) func() bool {
		return func() bool {
			return readAll(t, do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", strings.NewReader(form)))) == want
		}
	}
	eventually(t, "the first is healthy", responded("first"))
	ill.Store(true)
	eventually(t, "the first is ill", responded("second"))
	ill.Store(false)
	eventually(t, "the first is healthy again", responded("first"))
}

// Upstreams that are found anew for each request are spoken to over the same
// transport.
func TestUpstreamsMayBeDynamic(t *testing.T) {
	plain := startUpstream(t, judged)
	_, port, _ := strings.Cut(strings.TrimPrefix(plain.URL, "http://"), ":")
	gateway := freeAddress(t)
	caddyfile := strings.Replace(gatewayTo(gateway, plain.URL, ""), "upstream "+plain.URL,
		"dynamic a {\n\t\t\tname localhost\n\t\t\tport "+port+"\n\t\t\tversions ipv4\n\t\t}\n\t\tinsecure_http", 1)
	startCaddy(t, caddyfile, canarySecret)
	for range 2 {
		response := do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", strings.NewReader(formOf(key, file("file", large)))))
		if got := readAll(t, response); got != whole {
			t.Errorf("response %d %q", response.StatusCode, got)
		}
	}
}

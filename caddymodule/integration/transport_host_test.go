// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The upstream is asked for by its own name, unless the user says otherwise.
func TestTheUpstreamsHost(t *testing.T) {
	const own = "127.0.0.1"
	tests := map[string]struct{ options, want string }{
		"by default":                     {"", own},
		"by another transport":           {"transport http", own},
		"beside another header":          {"header_up X-Other {host}", own},
		"beside a response's header":     {"header_down Host other.example.com", own},
		"the user's":                     {"header_up Host other.example.com", "other.example.com"},
		"the user's, from a placeholder": {"header_up Host {host}", "gateway.example.com"},
		"in other letters":               {"header_up host other.example.com", "other.example.com"},
		"by a replacement":               {"header_up Host ^127 128", "128.0.0.1"},
		"with our transport spelled out": {"transport uploadcare {\n\t\t\tread_timeout 5s\n\t\t}", own},
		"and said twice":                 {"transport uploadcare {\n\t\t\tupstream_host\n\t\t}", own},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			upstream := startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				_, _ = io.WriteString(w, r.Host)
			})
			gateway := freeAddress(t)
			startCaddy(t, gatewayTo(anyHost(gateway), upstream.URL, test.options), canarySecret)
			for range 2 { // the second over the same connection
				request := newUpload(t, "http://"+gateway+"/base/", strings.NewReader(formOf(key)))
				request.Host = "gateway.example.com"
				if got := readAll(t, do(t, http.DefaultClient, request)); got != test.want {
					t.Errorf("the upstream was asked for %s, want %s", got, test.want)
				}
			}
		})
	}
}

// A health check asks for what the user says.
func TestTheHostOfAHealthCheck(t *testing.T) {
	hosts := make(chan string, 100)
	upstream := startUpstream(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case hosts <- r.Host:
		default:
		}
	})
	startCaddy(t, gatewayTo(freeAddress(t), upstream.URL,
		"health_uri /health\n\t\thealth_interval 10ms\n\t\thealth_headers {\n\t\t\tHost health.example.com\n\t\t}"), canarySecret)
	if host := receive(t, "a health check comes", hosts); host != "health.example.com" {
		t.Errorf("the upstream was asked for %s", host)
	}
}

// anyHost returns an address less its host.
func anyHost(address string) string { return address[strings.LastIndex(address, ":"):] }

// A proxy of the user's own with our transport is as with Caddy's.
func TestTheHostOfAProxyOfTheUsersOwn(t *testing.T) {
	for option, want := range map[string]func(upstream *url.URL) string{
		"":              func(*url.URL) string { return "gateway.example.com" },
		"upstream_host": func(upstream *url.URL) string { return upstream.Hostname() },
	} {
		upstream := startUpstream(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) })
		address, err := url.Parse(upstream.URL)
		if err != nil {
			t.Fatal(err)
		}
		gateway := freeAddress(t)
		startCaddy(t, "http://"+anyHost(gateway)+" {\n\tbind 127.0.0.1\n\treverse_proxy "+upstream.URL+" {\n\t\ttransport uploadcare {\n\t\t\t"+option+"\n\t\t}\n\t}\n}\n")
		request, err := http.NewRequest(http.MethodGet, "http://"+gateway+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "gateway.example.com"
		if got := readAll(t, do(t, http.DefaultClient, request)); got != want(address) {
			t.Errorf("%q: the upstream was asked for %s, want %s", option, got, want(address))
		}
	}
}

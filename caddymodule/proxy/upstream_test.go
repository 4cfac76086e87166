// SPDX-License-Identifier: Apache-2.0

package proxy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy/fastcgi" // a transport without TLS

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/proxy"
)

const (
	noTLS    = "upstream %s: signatures and files would go there without TLS, for the network to read"
	noScheme = "the value has a scheme"
	noValue  = "is not set or empty"
)

// Signatures and files go to other machines over TLS, or because the operator says so.
func TestUpstreamsOnOtherMachinesHaveTLS(t *testing.T) {
	t.Setenv("LOCAL", "localhost:8080")
	t.Setenv("REMOTE", "upload.example.com:80")
	t.Setenv("URL", "http://localhost:8080")
	t.Setenv("EMPTY", "")
	const plain, tls = `"transport":{"protocol":"uploadcare"}`, `"transport":{"protocol":"uploadcare","tls":{}}`
	to := func(addresses ...string) string {
		var all []string
		for _, address := range addresses {
			all = append(all, fmt.Sprintf(`{"dial":%q}`, address))
		}
		return `"upstreams":[` + strings.Join(all, ",") + `],`
	}
	for config, want := range map[string]string{
		to("localhost:8080") + plain:           "",
		to("LOCALHOST.:80") + plain:            "",
		to("127.0.0.2:80") + plain:             "",
		to("[::1]:80") + plain:                 "",
		to("tcp/localhost:80") + plain:         "",
		to("tcp4/127.0.0.1:80") + plain:        "",
		to(":8080") + plain:                    "",
		to("unix//run/upload.sock") + plain:    "",
		to("localhost:1", "[::1]:2") + plain:   "",
		to("{env.LOCAL}") + plain:              "",
		to("upload.example.com:80") + plain:    fmt.Sprintf(noTLS, "upload.example.com:80"),
		to("upload.example.com:443") + plain:   fmt.Sprintf(noTLS, "upload.example.com:443"),
		to("tcp/10.0.0.1:80") + plain:          fmt.Sprintf(noTLS, "tcp/10.0.0.1:80"),
		to("0.0.0.0:80") + plain:               fmt.Sprintf(noTLS, "0.0.0.0:80"),
		to("127.0.0.1.example.com:80") + plain: fmt.Sprintf(noTLS, "127.0.0.1.example.com:80"),
		to("localhost:1", "app:2") + plain:     fmt.Sprintf(noTLS, "app:2"),
		to("app:1", "localhost:2") + plain:     fmt.Sprintf(noTLS, "app:1"),
		to("{env.REMOTE}") + plain:             fmt.Sprintf(noTLS, "{env.REMOTE}"),
		to("{env.URL}") + plain:                noScheme + ", with which it is no address to dial: write {$URL}",
		to("{env.URL}") + tls:                  noScheme,
		to("{env.EMPTY}") + plain:              "{env.EMPTY} " + noValue,
		to("{env.NOT_SET}:80") + tls:           "{env.NOT_SET} " + noValue,
		to("{http.request.host}:80") + plain:   fmt.Sprintf(noTLS, "{http.request.host}:80"),
		to("{http.vars.upstream}") + tls:       "",
		to("upload.example.com:443") + tls:     "",
		to("{env.REMOTE}") + tls:               "",

		to("app:80") + `"transport":{"protocol":"http"}`:                                            fmt.Sprintf(noTLS, "app:80"),
		to("app:80") + `"transport":{"protocol":"http","versions":["h2c","2"]}`:                     fmt.Sprintf(noTLS, "app:80"),
		to("app:443") + `"transport":{"protocol":"http","tls":{}}`:                                  "",
		to("app:9000") + `"transport":{"protocol":"fastcgi"}`:                                       fmt.Sprintf(noTLS, "app:9000"),
		to("unix//run/php.sock") + `"transport":{"protocol":"fastcgi"}`:                             "",
		strings.TrimSuffix(to("app:80"), ","):                                                       fmt.Sprintf(noTLS, "app:80"),
		strings.TrimSuffix(to("localhost:80"), ","):                                                 "",
		to("app:8080") + `"transport":{"protocol":"http","tls":{"except_ports":["8080"]}}`:          fmt.Sprintf(noTLS, "app:8080"),
		to("app:8080") + `"transport":{"protocol":"uploadcare","tls":{"except_ports":["8080"]}}`:    fmt.Sprintf(noTLS, "app:8080"),
		to("localhost:8080") + `"transport":{"protocol":"http","tls":{"except_ports":["8080"]}}`:    "",
		to("app:8443") + `"transport":{"protocol":"http","tls":{"except_ports":["8080"]}}`:          "",
		to("app:{http.vars.p}") + `"transport":{"protocol":"http","tls":{"except_ports":["8080"]}}`: fmt.Sprintf(noTLS, "app:{http.vars.p}"),

		`"dynamic_upstreams":{"source":"a","name":"app","port":"80"},` + plain: "dynamic upstreams: signatures and files",
		`"dynamic_upstreams":{"source":"a","name":"app","port":"443"},` + tls:  "",
	} {
		t.Run(config, func(t *testing.T) {
			_, err := load(t, config)
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("got %v, want %q", err, want)
			}
			if err != nil && strings.Contains(err.Error(), "without TLS") && !strings.Contains(err.Error(), "write https://") {
				t.Errorf("there is no remedy in %v", err)
			}
			// With the option, the proxy's or its transport's, only what cannot work is an error.
			impossible := strings.Contains(want, noScheme) || strings.Contains(want, noValue)
			for _, insecure := range []string{config + `,"insecure_http":true`, strings.Replace(config, `"protocol":"uploadcare"`, `"protocol":"uploadcare","insecure_http":true`, 1)} {
				if _, err := load(t, insecure); insecure != config && (err != nil) != impossible {
					t.Errorf("%s: got %v", insecure, err)
				}
			}
		})
	}
}

func load(t *testing.T, config string) (*proxy.Proxy, error) {
	t.Helper()
	return fixture.Load[*proxy.Proxy](t, "http.handlers.uploadcare_proxy", "{"+config+"}")
}

// The same holds for Caddy's own proxy with the transport for uploads, and for no other.
func TestCaddysProxyWithTheTransportHasTLS(t *testing.T) {
	for transport, refused := range map[string]bool{
		`{"protocol":"uploadcare"}`:                      true,
		`{"protocol":"uploadcare","insecure_http":true}`: false,
		`{"protocol":"uploadcare","tls":{}}`:             false,
		`{"protocol":"http"}`:                            false,
	} {
		_, err := fixture.Load[*reverseproxy.Handler](t, "http.handlers.reverse_proxy", `{"upstreams":[{"dial":"app:80"}],"transport":`+transport+`}`)
		if refused != (err != nil) || err != nil && !strings.Contains(err.Error(), fmt.Sprintf(noTLS, "app:80")) {
			t.Errorf("%s: got %v", transport, err)
		}
		if _, err := fixture.Load[*reverseproxy.Handler](t, "http.handlers.reverse_proxy", `{"upstreams":[{"dial":"localhost:80"}],"transport":`+transport+`}`); err != nil {
			t.Errorf("%s, on loopback: %v", transport, err)
		}
	}
}

// Where uploads go is in the log, at a level that says whether the network reads along.
func TestTheLogSaysWhereUploadsGo(t *testing.T) {
	for config, want := range map[string]string{
		`"upstreams":[{"dial":"app:443"},{"dial":"b:443"}],"transport":{"protocol":"uploadcare","tls":{}}`:    "info uploads go upstream upstreams=[app:443 b:443] tls=true",
		`"upstreams":[{"dial":"localhost:80"}],"insecure_http":true`:                                          "info uploads go upstream upstreams=[localhost:80] tls=false",
		`"dynamic_upstreams":{"source":"a","name":"b","port":"443"},"transport":{"protocol":"http","tls":{}}`: "info uploads go upstream upstreams=[dynamic] tls=true",
		`"upstreams":[{"dial":"app:80"}],"insecure_http":true`: "warn uploads go upstream without TLS, as insecure_http says: " +
			"the network can read signatures and files upstreams=[app:80] tls=false",
		`"upstreams":[{"dial":"app:80"}],"transport":{"protocol":"uploadcare","insecure_http":true}`: "warn uploads go upstream without TLS, as insecure_http says: " +
			"the network can read signatures and files upstreams=[app:80] tls=false",
	} {
		_, logs, err := fixture.LoadObserved[*proxy.Proxy](t, "http.handlers.uploadcare_proxy", "{"+config+"}")
		if err != nil {
			t.Fatal(err)
		}
		fixture.WantLines(t, logs, want)
	}
}

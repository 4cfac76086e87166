// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// adaptAndValidate adapts a Caddyfile and loads the result, as `caddy validate` does.
func adaptAndValidate(t *testing.T, caddyfile string) (adapted []byte, err error) {
	t.Helper()
	adapted, _, err = caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), nil)
	if err != nil {
		return nil, err
	}
	config := new(caddy.Config)
	if err := json.Unmarshal(adapted, config); err != nil {
		t.Fatal(err)
	}
	return adapted, caddy.Validate(config)
}

// In the shorthand, too, signatures go to other machines over TLS, or because
// the operator says so. The error has the line wherever that is known before the load.
func TestUpstreamsOfTheShorthandHaveTLS(t *testing.T) {
	documentedSecrets(t)
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv("LOCAL", "localhost:8081")
	t.Setenv("REMOTE", "app.example.com:80")
	t.Setenv("URL", "http://localhost:8081")
	const atLine, atLoad = "without TLS, for the network to read: write https:// before the host", "provision http.handlers.uploadcare_proxy"
	for options, want := range map[string]string{
		"upstream https://app.example.com":                                       "",
		"upstream https://app.example.com/":                                      "",
		"upstream https://app.example.com https://b.example.com:8443/":           "",
		"upstream http://localhost":                                              "",
		"upstream http://localhost:8081/":                                        "",
		"upstream localhost:8081":                                                "",
		"upstream localhost":                                                     "",
		"upstream http://127.0.0.2 http://[::1]:81":                              "",
		"upstream h2c://localhost:8081":                                          "",
		"upstream unix//run/upload.sock":                                         "",
		"upstream unix+h2c//run/upload.sock":                                     "",
		"upstream :8081":                                                         "",
		"upstream localhost:8081-8083":                                           "",
		"upstream {env.LOCAL}":                                                   "",
		"upstream {$LOCAL}":                                                      "",
		"upstream {$URL}":                                                        "",
		"upstream app.example.com:443\ntransport uploadcare {\ntls\n}":           "",
		"upstream app.example.com:443\ntransport http {\ntls\n}":                 "",
		"dynamic a app.example.com 443\ntransport uploadcare {\ntls\n}":          "",
		"upstream app.example.com\ntransport uploadcare {\ninsecure_http\n}":     "",
		"upstream app.example.com\ntransport uploadcare {\ninsecure_http yes\n}": "wrong argument count",
		"upstream app.example.com":                                               atLine,
		"upstream app.example.com:80":                                            atLine,
		"upstream app.example.com:443":                                           atLine,
		"upstream http://app.example.com/":                                       atLine,
		"upstream h2c://app.example.com":                                         atLine,
		"upstream 10.0.0.1:8081-8083":                                            atLine,
		"upstream http://[2001:db8::1]:80":                                       atLine,
		"to http://app.example.com":                                              atLine,
		"upstream http://localhost http://app.example.com":                       atLine,
		"upstream localhost\nto app.example.com":                                 atLine,
		"upstream {$REMOTE}":                                                     atLine,
		"upstream app.example.com\ntransport http":                               atLine,
		"upstream app.example.com\ntransport uploadcare":                         atLine,
		"upstream a.example.com:80\ntransport http {\ntls_except_ports 80\n}":    atLine,
		"upstream unix//run/upload.sock app.example.com":                         atLine,
		"dynamic srv _upload._tcp.example.com":                                   atLine,
		"upstream {env.REMOTE}":                                                  atLoad,
		"upstream app.example.com:{env.NOT_SET}":                                 atLoad,
		"upstream {http.request.host}":                                           atLoad,
		"upstream {env.URL}":                                                     atLoad,
		"upstream https://app.example.com/path":                                  "only support scheme, host, and port",
		"insecure_http\nupstream localhost\ninsecure_http":                       "insecure_http already specified, at Caddyfile:5",
	} {
		_, err := adaptAndValidate(t, "http://localhost:9080 {\n\tuploadcare {\n"+options+"\n}\n}\n")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", options, err, want)
		}
		if want != atLine {
			continue
		}
		if !strings.Contains(err.Error(), ", at Caddyfile:") {
			t.Errorf("%s: no line in %v", options, err)
		}
		if _, err := adaptAndValidate(t, "http://localhost:9080 {\n\tuploadcare {\n"+options+"\ninsecure_http\n}\n}\n"); err != nil {
			t.Errorf("%s, with insecure_http: %v", options, err)
		}
	}
}

// A proxy of the operator's own is only checked if it has the transport for uploads.
func TestUpstreamsOfAProxyOfOnesOwn(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	for options, refused := range map[string]bool{
		"http://app.example.com {\ntransport uploadcare\n}":                     true,
		"http://app.example.com {\ntransport uploadcare {\ninsecure_http\n}\n}": false,
		"http://localhost:8081 {\ntransport uploadcare\n}":                      false,
		"https://app.example.com {\ntransport uploadcare\n}":                    false,
		"http://app.example.com":                                                false,
	} {
		_, err := adaptAndValidate(t, "http://localhost:9080 {\nreverse_proxy "+options+"\n}\n")
		if refused != (err != nil) || err != nil && !strings.Contains(err.Error(), "upstream app.example.com:80: signatures and files would go there without TLS") {
			t.Errorf("%s: got %v", options, err)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy/fastcgi" // a transport of another kind

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// newResolver loads a resolver with options in JSON.
func newResolver(t *testing.T, options string) (*source.Resolver, error) {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(cancel)
	loaded, err := ctx.LoadModuleByID("uploadcare.sources.resolver", json.RawMessage(options))
	if err != nil {
		return nil, err
	}
	return loaded.(*source.Resolver), nil
}

func mustResolver(t *testing.T, options string) *source.Resolver {
	t.Helper()
	resolver, err := newResolver(t, options)
	if err != nil {
		t.Fatal(err)
	}
	return resolver
}

func TestResolverLoadErrorsNameTheOption(t *testing.T) {
	t.Setenv("CANARY_RESOLVER", "http://canary:canary@app.example.com/canary?canary")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(lines, []byte("canary\r\nX-Other: canary\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	header := func(name, value string) string {
		return fmt.Sprintf(`{"url":"https://app.example.com/","headers":{%q:[%q]}}`, name, value)
	}
	tests := map[string]struct{ options, want string }{
		"no address":             {`{"retries":0}`, "url is empty"},
		"an unset address":       {`{"url":"{env.NOT_SET}"}`, "url: {env.NOT_SET} is not set or empty"},
		"half an address":        {`{"url":"app.example.com/canary"}`, "url: it is not an address such as https://"},
		"no TLS":                 {`{"url":"http://app.example.com/canary"}`, "url: http would show the credentials to the network: write https, or insecure_http"},
		"no TLS by a variable":   {`{"url":"{env.CANARY_RESOLVER}"}`, "insecure_http"},
		"the request's address":  {`{"url":"https://{http.request.host}/"}`, "url: placeholders of the request can only be in headers"},
		"two Authorizations":     {`{"url":"https://canary:canary@app.example.com/","headers":{"authorization":["Bearer x"]}}`, "url: its user and password would be sent as Authorization"},
		"TLS for no TLS":         {`{"url":"http://localhost/canary","insecure_http":true,"transport":{"protocol":"http","tls":{}}}`, "url: http would go without the TLS"},
		"a negative timeout":     {`{"url":"https://app/","timeout":-1}`, "timeout: -1ns is not between 0s and 1m0s"},
		"a long timeout":         {`{"url":"https://app/","timeout":"61s"}`, "timeout: 1m1s is not between"},
		"negative retries":       {`{"url":"https://app/","retries":-1}`, "retries: -1 is not between 0 and 10"},
		"many retries":           {`{"url":"https://app/","retries":11}`, "retries: 11 is not between 0 and 10"},
		"an unknown option":      {`{"url":"https://app/","retry":1}`, `unknown field "retry"`},
		"an empty header":        {header("X-Key", ""), "header X-Key is empty"},
		"a blank header":         {header("X-Key", " "), "header X-Key is empty"},
		"no name of a header":    {header("X Key", "canary"), `header "X Key" is not a valid header name`},
		"the transport's header": {header("transfer-encoding", "chunked"), "header Transfer-Encoding: it is set by the transport"},
		"an unset header":        {header("X-Key", "{env.NOT_SET}"), "header X-Key: {env.NOT_SET} is not set or empty"},
		"a missing file":         {header("X-Key", "Bearer {file./no/such/file}"), "header X-Key: {file./no/such/file}: there is no such file"},
		"an empty file":          {header("X-Key", "{file."+empty+"}{http.request.remote.host}"), "header X-Key: {file." + empty + "} is not set or empty"},
		"a file of lines":        {header("X-Key", "{file."+lines+"}"), "header X-Key: there is a line break or another control character"},
		"lines and a request":    {header("X-Key", "{http.request.host}{file."+lines+"}"), "header X-Key: there is a line break"},
		"a line break":           {header("X-Key", "a\r\nX-Other: canary"), "header X-Key: there is a line break"},
		"an unknown placeholder": {header("X-Key", "canary{canary}"), "header X-Key: it holds a placeholder that is unknown or empty"},
		"unknown of the request": {header("X-Key", "{http.request.headr.X}"), "header X-Key: there is no placeholder {http.request.headr.X}"},
		"a part of the path":     {header("X-Key", "{http.request.uri.path.file.token}"), "there is no placeholder {http.request.uri.path.file.token}"},
		"the body":               {header("X-Key", "{http.request.body}"), "{http.request.body}: the body is not available"},
		"the body in base64":     {header("X-Key", "{http.request.body_base64}"), "{http.request.body_base64}: the body is not available"},
		"an unknown transport":   {`{"url":"https://app/","transport":{"protocol":"pigeon"}}`, "transport: "},
		"another transport":      {`{"url":"https://app/","transport":{"protocol":"fastcgi"}}`, "transport: fastcgi cannot send requests to an address: expected http"},
		"the proxy protocol":     {`{"url":"https://app/","transport":{"protocol":"http","proxy_protocol":"v2"}}`, "transport: proxy_protocol: there is no client"},
		"a missing certificate":  {`{"url":"https://app/","transport":{"protocol":"http","tls":{"client_certificate_file":"/no/such","client_certificate_key_file":"/no/such"}}}`, "transport: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newResolver(t, test.options)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %s", err, test.want)
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestResolverDefaults(t *testing.T) {
	resolver := mustResolver(t, `{"url":"https://app.example.com/"}`)
	if resolver.Timeout != caddy.Duration(5*time.Second) || *resolver.Retries != 3 || resolver.DependsOnRequest() {
		t.Errorf("timeout %s, %d retries", time.Duration(resolver.Timeout), *resolver.Retries)
	}
	resolver = mustResolver(t, `{"url":"http://app/","insecure_http":true,"retries":0,"timeout":"1m","headers":{"X-Key":["{http.request.host}"]}}`)
	if resolver.Timeout != caddy.Duration(time.Minute) || *resolver.Retries != 0 || !resolver.DependsOnRequest() {
		t.Errorf("timeout %s, %d retries", time.Duration(resolver.Timeout), *resolver.Retries)
	}
}

func TestResolverCaddyfile(t *testing.T) {
	unmarshal := func(text string) (string, error) {
		resolver := new(source.Resolver)
		err := resolver.UnmarshalCaddyfile(caddyfile.NewTestDispenser(text))
		got, _ := json.Marshal(resolver)
		return string(got), err
	}
	for text, want := range map[string]string{
		"resolver https://app/":                                                          `{"url":"https://app/"}`,
		"resolver {env.URL} {\n}":                                                        `{"url":"{env.URL}"}`,
		"resolver https://app/ {\n retries 0\n timeout 500ms\n}":                         `{"url":"https://app/","timeout":500000000,"retries":0}`,
		"resolver http://app/ {\n insecure_http\n}":                                      `{"url":"http://app/","insecure_http":true}`,
		"resolver https://app/ {\n header a b\n header A \"c\"\n}":                       `{"url":"https://app/","headers":{"A":["b","c"]}}`,
		"resolver https://app/ {\n transport {\n }\n}":                                   `{"url":"https://app/","transport":{"protocol":"http"}}`,
		"resolver https://app/ {\n transport {\n tls_server_name app\n }\n retries 1\n}": `{"url":"https://app/","retries":1,"transport":{"protocol":"http","tls":{"server_name":"app"}}}`,
	} {
		if got, err := unmarshal(text); err != nil || got != want {
			t.Errorf("%s\ngot  %s, %v\nwant %s", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"resolver":                                         "resolver takes one argument, the address that is asked",
		"resolver \"\"":                                    "resolver takes one argument",
		"resolver https://app/ 5s":                         "resolver takes one argument",
		"{\n heder X y\n}":                                 "unrecognized option 'heder' of resolver: expected header, timeout, retries, insecure_http or transport",
		"{\n header X\n}":                                  "header takes two arguments, a name and a value",
		"{\n header X canary other\n}":                     "header takes two arguments",
		"{\n header \"\" canary\n}":                        "header takes two arguments",
		"{\n header X \"\"\n}":                             "header X is empty",
		"{\n header X canary {\n y\n }\n}":                 "header takes no block",
		"{\n timeout\n}":                                   "timeout takes one argument",
		"{\n timeout 5\n}":                                 "timeout: '5' is not a duration",
		"{\n timeout 0s\n}":                                "timeout: 0s is less than 1ms",
		"{\n timeout 5s\n timeout 6s\n}":                   "timeout already specified",
		"{\n retries\n}":                                   "retries takes one argument, a number",
		"{\n retries three\n}":                             "retries: 'three' is not a number from 0 to 10",
		"{\n retries -1\n}":                                "retries: '-1' is not a number from 0 to 10",
		"{\n retries 0\n retries 0\n}":                     "retries already specified",
		"{\n insecure_http yes\n}":                         "insecure_http takes no argument",
		"{\n insecure_http\n retries 0\n insecure_http\n}": "insecure_http already specified",
		"{\n transport http {\n }\n}":                      "transport takes no argument, but a block with options of the transport http",
		"{\n transport {\n tsl\n }\n}":                     "unrecognized subdirective tsl",
		"{\n transport {\n }\n transport {\n }\n}":         "transport already specified",
	} {
		if !strings.HasPrefix(text, "resolver") {
			text = "resolver https://app/ " + text
		}
		_, err := unmarshal(text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "Testfile:") {
			t.Errorf("%s\ngot %v, want %s", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
}

func TestResolversThatAskTheSameShareTheirTokens(t *testing.T) {
	const plain = `{"url":"https://app/","headers":{"X-Key":["a"]}}`
	key := mustResolver(t, plain).CacheKey()
	for name, options := range map[string]string{
		"timeout":               `{"url":"https://app/","headers":{"x-key":["a"]},"timeout":"1s"}`,
		"retries":               `{"url":"https://app/","headers":{"X-Key":["a"]},"retries":0}`,
		"transport spelled out": `{"url":"https://app/","headers":{"X-Key":["a"]},"transport":{"protocol":"http"}}`,
	} {
		if got := mustResolver(t, options).CacheKey(); got != key {
			t.Errorf("%s makes the key %s", name, got)
		}
	}
	t.Setenv("KEY", "b")
	for name, options := range map[string]string{
		"another address":   `{"url":"https://app/2","headers":{"X-Key":["a"]}}`,
		"another header":    `{"url":"https://app/","headers":{"X-Kez":["a"]}}`,
		"another value":     `{"url":"https://app/","headers":{"X-Key":["{env.KEY}"]}}`,
		"no header":         `{"url":"https://app/"}`,
		"insecure":          `{"url":"https://app/","headers":{"X-Key":["a"]},"insecure_http":true}`,
		"another transport": `{"url":"https://app/","headers":{"X-Key":["a"]},"transport":{"protocol":"http","local_address":"127.0.0.2"}}`,
	} {
		if mustResolver(t, options).CacheKey() == key {
			t.Errorf("%s makes the same key", name)
		}
	}
	before := mustResolver(t, `{"url":"https://app/","headers":{"X-Key":["{env.KEY}"]}}`).CacheKey()
	t.Setenv("KEY", "c")
	if mustResolver(t, `{"url":"https://app/","headers":{"X-Key":["{env.KEY}"]}}`).CacheKey() == before {
		t.Error("another value of a variable makes the same key")
	}
}

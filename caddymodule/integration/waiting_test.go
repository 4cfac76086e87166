// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
)

// operationsExample returns the Caddyfile of docs/operations.md with an option, whose
// site is a gateway to an upstream.
func operationsExample(t *testing.T, option, gateway, upstream string) string {
	t.Helper()
	site := "http://" + gateway + " {\n\tbind 127.0.0.1\n\tuploadcare {\n\t\tproject demopublickey {\n\t\t\tsecret_key {env.CANARY_SECRET}\n\t\t}\n\t\tupstream " + upstream + "\n"
	example := strings.Replace(documented(t, "docs/operations.md", option), "\tuploadcare\n", "\tuploadcare {\n\t}\n", 1)
	return strings.Replace(example, "upload.example.com {\n\tuploadcare {\n", site, 1)
}

// A client that is silent for longer than Caddy allows gets a response that says so; with the option
// of docs/operations.md it may be.
func TestASilentClientHasAsLongAsCaddyAllows(t *testing.T) {
	form := formOf(key, file("file", photo))
	for timeout, status := range map[string]int{"read_body_idle 500ms": http.StatusRequestTimeout, "read_body_idle 10m": http.StatusOK} {
		t.Run(timeout, func(t *testing.T) {
			gateway := freeAddress(t)
			config := operationsExample(t, "read_body_idle 10m", gateway, startUpstream(t, swallow).URL)
			startCaddy(t, strings.Replace(config, "read_body_idle 10m", timeout, 1), canarySecret)
			body := io.MultiReader(strings.NewReader(form[:len(form)/2]), pause(1500*time.Millisecond), strings.NewReader(form[len(form)/2:]))
			response := do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", body))
			if body := readAll(t, response); response.StatusCode != status {
				t.Errorf("response %d %q, want %d", response.StatusCode, body, status)
			}
		})
	}
}

// pause is a reader that ends after a while.
type pause time.Duration

func (p pause) Read([]byte) (int, error) {
	time.Sleep(time.Duration(p))
	return 0, io.EOF
}

// With the limits of docs/operations.md an upstream that says nothing, or takes
// nothing, holds no upload for longer.
func TestAnUpstreamThatNeverRespondsIsGivenUp(t *testing.T) {
	large := formOf(key, file("file", strings.Repeat(photo, 1+(16<<20)/len(photo))))
	for name, test := range map[string]struct {
		form string
		take bool // the upstream takes the upload
	}{
		"that says nothing to a small upload": {formOf(key, file("file", photo)), true},
		"that says nothing to a large upload": {large, true},
		"that takes nothing":                  {large, false},
	} {
		t.Run(name, func(t *testing.T) {
			done := make(chan struct{})
			defer close(done)
			upstream := rawtest.Serve(t, func(connection net.Conn, _ int) {
				if test.take {
					go func() { _, _ = io.Copy(io.Discard, connection) }()
				}
				<-done
			})
			gateway := freeAddress(t)
			config := operationsExample(t, "response_header_timeout", gateway, "http://"+upstream)
			config = strings.NewReplacer("timeout 5m", "timeout 1s", "timeout 1m", "timeout 1s").Replace(config)
			startCaddy(t, config, canarySecret)
			began := time.Now()
			response := do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", strings.NewReader(test.form)))
			const want = "The Upload API cannot be reached by the gateway."
			if body := readAll(t, response); response.StatusCode != http.StatusGatewayTimeout || body != want {
				t.Errorf("response %d %q after %s", response.StatusCode, body, time.Since(began))
			}
		})
	}
}

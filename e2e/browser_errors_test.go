// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
)

// The widget's own error, with code and message, for what the gateway and the
// upstream refuse. An unknown project is TestBrowserShowsWhyAnUploadIsRefused.
func TestWidgetHasTheErrors(t *testing.T) {
	const request = "The size of the request is too large."
	const credential = "No credential can be had for this project now. Try again later."
	for name, test := range map[string]struct {
		want   string
		change func(t *testing.T, d *demonstration) string // returns the Caddyfile
	}{
		"an oversized body": {"RequestSizeLimitExceededError: " + request, func(_ *testing.T, d *demonstration) string {
			return strings.Replace(d.caddyfile(), "uploadcare_sandbox {", "uploadcare_sandbox {\n\t\trequest_limit 1KiB", 1)
		}},
		"a malformed form": {
			"PostRequestParserFailedError: HTTP POST request parsing failed: form ends before its closing delimiter.",
			func(t *testing.T, d *demonstration) string {
				t.Helper()
				config := d.caddyfile()
				return strings.Replace(config, "demo_gateway "+d.gateway, "demo_gateway "+newTruncating(t, d.gateway).URL, 1)
			},
		},
		"an unavailable credential": {"GatewayCredentialError: " + credential, func(t *testing.T, d *demonstration) string {
			t.Helper()
			useFailingSource(t)
			return strings.Replace(d.caddyfile(), "secret_key demosecretkey", "failing", 1)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			requireBrowser(t)
			tried(t, "uploadcare-widget 3.24.0, Chromium", "error: "+name+", /base/", "base URL")
			d := newDemonstration(t)
			d.page = d.sandbox + "/"
			start(t, test.change(t, &d))
			visit := drive(t, job{Page: d.page, Uploads: []uploading{with("widget", picture(t, "sunset.png", 0))}})
			if got := strings.TrimSpace(visit.Outcomes[0].Failure); got != test.want {
				t.Errorf("the page says %q, want %q", got, test.want)
			}
		})
	}
}

// newTruncating returns a proxy that loses the end of each form.
func newTruncating(t *testing.T, gateway string) *httptest.Server {
	t.Helper()
	target, err := url.Parse(gateway)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			body = body[:len(body)-10]
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server
}

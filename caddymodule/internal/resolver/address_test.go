// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/resolver"
)

func TestAddressesAreSecureOrOnLoopback(t *testing.T) {
	for address, want := range map[string]string{
		"https://app.example.com/api?x=1":    "",
		"https://user:canary@app:8443":       "",
		"http://localhost:3000/a":            "",
		"http://LOCALHOST./":                 "",
		"http://app.localhost/":              "",
		"http://127.8.9.1:80/":               "",
		"http://[::1]:3000/":                 "",
		"http://[::ffff:127.0.0.1]/":         "",
		"http://app.example.com/canary":      "insecure_http",
		"http://10.0.0.1/":                   "insecure_http",
		"http://localhost.example.com/":      "insecure_http",
		"http://127.0.0.1.example.com/":      "insecure_http",
		"http://canary@app/":                 "insecure_http",
		"ftp://localhost/canary":             "not an address",
		"app.example.com/canary":             "not an address",
		"/canary":                            "not an address",
		"":                                   "not an address",
		"https:///canary":                    "not an address",
		"https://:443/canary":                "not an address",
		"https:canary":                       "not an address",
		"https://app.example.com/%zzcanary":  "not an address",
		"https://app.example.com/\r\ncanary": "not an address",
	} {
		_, err := resolver.ParseAddress(address, false)
		checkShown(t, err)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %s", address, err, want)
		}
		if _, err := resolver.ParseAddress(address, true); err != nil && want != "not an address" {
			t.Errorf("%q, where insecure_http is meant: %v", address, err)
		}
	}
}

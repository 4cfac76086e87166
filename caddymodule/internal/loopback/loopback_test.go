// SPDX-License-Identifier: Apache-2.0

package loopback_test

import (
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/loopback"
)

func TestOnlyThisMachinesHostsAreOnLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost":               true,
		"LocalHost.":              true,
		"app.localhost":           true,
		"127.0.0.1":               true,
		"127.255.3.4":             true,
		"::1":                     true,
		"::ffff:127.0.0.1":        true,
		"":                        false,
		".":                       false,
		"0.0.0.0":                 false,
		"10.0.0.1":                false,
		"127.1":                   false,
		"localhost.example.com":   false,
		"notlocalhost":            false,
		"127.0.0.1.example.com":   false,
		"upload.uploadcare.com":   false,
		"::ffff:10.0.0.1":         false,
		"fe80::1%lo":              false,
		"loopback":                false,
		"ip6-localhost":           false,
		"localhost:80":            false,
		"[::1]":                   false,
		"{env.UPLOADCARE_SOCKET}": false,
	} {
		if got := loopback.IsHost(host); got != want {
			t.Errorf("%q: got %t", host, got)
		}
	}
}

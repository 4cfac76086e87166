// SPDX-License-Identifier: Apache-2.0

package transport_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

// The error of a name that the configured name servers do not know names them, and not those
// of the machine. It is still one of a dial, after which the proxy may try another upstream.
func TestAFailedLookupNamesTheConfiguredResolvers(t *testing.T) {
	server, stop, err := loopback.ServeNames(func(string) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stop() }()
	for _, address := range []string{"http://upload.test:1/", "https://upload.test:1/"} {
		tested := newTransport(t, `{"resolver":{"addresses":["`+server+`"]}}`)
		_, err := send(t.Context(), tested, address, "a body")
		if _, ok := errors.AsType[reverseproxy.DialError](err); !ok {
			t.Errorf("%s: %v is no error of a dial", address, err)
		}
		if want := "dial tcp: lookup upload.test on " + server + ": no such host"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", address, err, want)
		}
	}
	tested := newTransport(t, `{"resolver":{"addresses":["`+server+`"]}}`)
	if _, err := send(t.Context(), tested, "http://127.0.0.1:1/", "a body"); err == nil || strings.Contains(err.Error(), server) {
		t.Errorf("without a lookup: %v", err)
	}
}

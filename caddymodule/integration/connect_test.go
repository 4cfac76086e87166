// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// The body of a CONNECT, which has no length, would leave behind its head without framing.
func TestInvariant7RequestsWithinAConnectAreNotPassedOn(t *testing.T) {
	var arrived atomic.Int32
	upstream := startUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived.Add(1)
		w.WriteHeader(http.StatusOK)
	})
	gateway := freeAddress(t)
	secure := strings.Replace(gateway, "127.0.0.1", "localhost", 1)
	startCaddy(t, strings.Replace(gatewayTo(gateway, upstream.URL, ""), "http://"+gateway, "https://"+secure, 1), canarySecret)
	eventually(t, "there is a certificate", func() bool {
		response, err := client(t, "HTTP/2.0").Head("https://" + secure)
		if err == nil {
			_ = readAll(t, response)
		}
		return err == nil
	})
	arrived.Store(0)
	for _, version := range []string{"HTTP/2.0", "HTTP/3.0"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodConnect, "https://"+secure, io.MultiReader(strings.NewReader(
			"POST /base/?x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi",
		)))
		if err != nil {
			t.Fatal(err)
		}
		response := do(t, client(t, version), request)
		_ = readAll(t, response)
		if response.StatusCode != http.StatusMethodNotAllowed || response.Proto != version {
			t.Errorf("%s: response %s over %s", version, response.Status, response.Proto)
		}
	}
	if got := arrived.Load(); got != 0 {
		t.Errorf("%d requests arrived", got)
	}
}

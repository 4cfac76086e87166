// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

const uploadHost = "upload.uploadcare.com"

// startNameServer knows one host, which is on loopback, and records that it was asked for it.
func startNameServer(t *testing.T, host string) (address string, asked chan struct{}) {
	t.Helper()
	asked = make(chan struct{}, 1)
	address, stop, err := loopback.ServeNames(func(name string) bool {
		if name != host {
			return false
		}
		select {
		case asked <- struct{}{}:
		default:
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop() })
	return address, asked
}

// A gateway that has taken the Upload API's name asks a name server of its own for the real
// address, and so does not call itself. It needs only one of its two addresses to respond.
func TestTheUpstreamIsFoundByItsOwnResolvers(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		for _, transport := range []string{"http", "uploadcare"} {
			t.Run(address+" by "+transport, func(t *testing.T) {
				if strings.HasPrefix(address, "[") {
					needsIPv6(t)
				}
				upstream, arrived := startUpstreamOn(t, "tcp", address, false)
				server, asked := startNameServer(t, uploadHost)
				gateway := freeAddress(t)
				options := "insecure_http\n\t\ttransport " + transport + " {\n\t\t\tresolvers " + server + "\n\t\t}"
				startCaddy(t, gatewayTo(gateway, "http://"+uploadHost+":"+portOf(upstream.URL), options), canarySecret)
				response := do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", strings.NewReader(formOf(key, file("file", photo)))))
				if body := readAll(t, response); response.StatusCode != http.StatusOK {
					t.Fatalf("response %d %s", response.StatusCode, body)
				}
				if got := receive(t, "the upload arrives", arrived); got.host != uploadHost {
					t.Errorf("the upstream was asked as %s", got.host)
				}
				if len(asked) == 0 {
					t.Error("the name server was not asked")
				}
			})
		}
	}
}

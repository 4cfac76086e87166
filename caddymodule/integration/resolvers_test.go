// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"io"
	"net"
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

// A gateway that has taken the Upload API's name asks a name server of its own
// for the real address, and so does not call itself.
func TestTheUpstreamIsFoundByItsOwnResolvers(t *testing.T) {
	hosts := make(chan string, 1)
	upstream := startUpstream(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		hosts <- r.Host
	})
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(upstream.URL, "http://"))
	server, asked := startNameServer(t, uploadHost)
	gateway := freeAddress(t)
	startCaddy(t, gatewayTo(gateway, "http://"+uploadHost+":"+port, "insecure_http\n\t\ttransport http {\n\t\t\tresolvers "+server+"\n\t\t}"), canarySecret)
	response := do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", strings.NewReader(formOf(key, file("file", photo)))))
	if body := readAll(t, response); response.StatusCode != http.StatusOK {
		t.Fatalf("response %d %s", response.StatusCode, body)
	}
	if host := <-hosts; host != uploadHost {
		t.Errorf("the upstream was asked as %s", host)
	}
	if len(asked) == 0 {
		t.Error("the name server was not asked")
	}
}

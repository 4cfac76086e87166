// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A recipe: Caddy's health checks use the transport's connections, so one that
// comes more often than idle connections are closed keeps one ready. What
// the response is makes no difference.
func TestAHealthCheckKeepsAConnectionReady(t *testing.T) {
	for name, test := range map[string]struct {
		options string
		ready   bool
	}{
		"with":    {"health_uri /\n\t\thealth_interval 100ms\n\t\thealth_fails 1000000", true},
		"without": {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			var made, checks atomic.Int32
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					checks.Add(1)
					http.NotFound(w, r)
				}
			}))
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					made.Add(1)
				}
			}
			server.StartTLS()
			t.Cleanup(server.Close)
			gateway := freeAddress(t)
			startCaddy(t, gatewayTo(gateway, server.URL, trusting("keepalive 1s")+"\n\t\t"+test.options), canarySecret)
			upload := func() {
				t.Helper()
				response := do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", strings.NewReader(formOf(key, file("file", "x")))))
				if readAll(t, response); response.StatusCode != http.StatusOK {
					t.Errorf("response %d", response.StatusCode)
				}
			}
			upload()
			ready, before := false, int32(0)
			for attempt := 0; attempt == 0 || attempt < 3 && ready != test.ready; attempt++ { // a check may be under way just then
				before = made.Load()
				time.Sleep(3 * time.Second) // until an idle connection is certainly closed
				upload()
				ready = made.Load() == before
			}
			if ready != test.ready {
				t.Errorf("%d connections before the last upload, %d in all, %d checks", before, made.Load(), checks.Load())
			}
		})
	}
}

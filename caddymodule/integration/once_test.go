// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"
)

// An upload by GET is an upload: /from_url/ stores a file for each request. Go's clients, and
// the gateway's own, take a GET for safe, and repeat one on another connection if the upstream
// closed the first without a response. It may have stored the file before.
func TestAnUploadByGETIsSentOnce(t *testing.T) {
	for name, options := range map[string]string{
		"transport uploadcare": "",
		"transport http":       "transport http",
		"with a health check":  "health_uri /\n\t\thealth_interval 1h\n\t\thealth_fails 1000000",
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead, "get"} {
			t.Run(name+", "+method, func(t *testing.T) {
				var uploads atomic.Int32
				upstream := startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path != "/from_url/" {
						return
					}
					if r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
						t.Errorf("it came with a body of %d bytes, %q", r.ContentLength, r.TransferEncoding)
					}
					if uploads.Add(1) > 1 {
						panic(http.ErrAbortHandler) // it has been stored
					}
					w.Header().Set("Content-Type", "application/json")
					_, _ = io.WriteString(w, `{"type":"token","token":"00000000-0000-0000-0000-000000000000"}`)
				})
				gateway := freeAddress(t)
				startCaddy(t, gatewayTo(gateway, upstream.URL, options), "CANARY_SECRET=demosecretkey")
				// The first leaves the connection that the second is sent on.
				for number, want := range []int{http.StatusOK, http.StatusBadGateway} {
					request, err := http.NewRequestWithContext(t.Context(), method, "http://"+gateway+"/from_url/?pub_key=demopublickey&source_url=http://example.com/a.jpg", nil)
					if err != nil {
						t.Fatal(err)
					}
					response, err := http.DefaultClient.Do(request)
					if err != nil {
						t.Fatal(err)
					}
					_ = response.Body.Close()
					if response.StatusCode != want {
						t.Errorf("number %d: response %s", number, response.Status)
					}
				}
				if n := uploads.Load(); n != 2 {
					t.Errorf("two uploads were sent %d times", n)
				}
			})
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// What is left of a body that did not come, or could not be read, is not taken
// for the next request of its connection, whoever answers, and however long the
// answer was held back.
func TestWhatIsLeftOfABodyIsNotTheNextRequest(t *testing.T) {
	const smuggled = "GET /smuggled/ HTTP/1.1\r\nHost: a\r\n\r\n"
	form := formOf(demoKey, file("file", "cat.jpg", strings.Repeat("x", 1000)))
	beginning := form[:len(form)/2]
	tests := map[string]struct{ framing, body, status string }{
		"a rejection that comes before the body": {fmt.Sprintf("Content-Length: %d", len(form)), beginning, "401"},
		"chunks that cannot be read":             {"Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\nno chunk\r\n", len(beginning), beginning), "400"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sign := mustSign(t, schemeTokenProject)
			observeAll(sign)
			var others atomic.Int32
			server := startServer(t, sign, func(w http.ResponseWriter, r *http.Request) error {
				if r.URL.Path != "/base/" {
					others.Add(1)
					return nil
				}
				if test.status == "401" { // and the proxy goes on reading
					go func() { _, _ = io.Copy(io.Discard, r.Body) }()
					uploadapi.ErrAccessTokenExpired.Write(w, r)
					return nil
				}
				_, err := io.Copy(io.Discard, r.Body)
				return caddyhttp.Error(http.StatusBadGateway, err)
			})
			connection, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer connection.Close()
			_ = connection.SetDeadline(time.Now().Add(time.Minute))
			fmt.Fprintf(connection, "POST /base/ HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=%s\r\n%s\r\n\r\n%s", testBoundary, test.framing, test.body)
			reader := bufio.NewReader(connection)
			response, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, response.Body); err != nil || !strings.HasPrefix(response.Status, test.status) || !response.Close {
				t.Errorf("answer %s, closes: %v, %v", response.Status, response.Close, err)
			}
			_, _ = io.WriteString(connection, smuggled)
			if rest, _ := io.ReadAll(reader); len(rest) > 0 || others.Load() > 0 {
				t.Errorf("there was another request, answered with %q", rest)
			}
		})
	}
}

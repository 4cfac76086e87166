// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// A client whose chunks or trailer cannot be read is still there, and gets the reason; but
// not what it has sent, which may be a secret. That holds for requests that are not signed,
// too: the upstream is not to blame.
func TestInvariant7AMalformedBodyIsRefusedWithAReason(t *testing.T) {
	form := formOf(demoKey, file("file", "cat.jpg", "meow"))
	chunk := func(body string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(body), body) }
	bodies := map[string]string{
		"a bad chunk size":          "x\r\n",
		"no line break after it":    "1\r\naXX0\r\n\r\n",
		"a long extension":          "1;" + strings.Repeat("x", 10000) + "\r\na\r\n0\r\n\r\n",
		"a trailer without a colon": "0\r\nCANARY\r\n\r\n",
		"a trailer without a name":  "0\r\n: CANARY\r\n\r\n",
		"a long trailer":            "0\r\nX: CANARY" + strings.Repeat("y", 10000) + "\r\n\r\n",
	}
	requests := map[string]struct{ path, contentType, body string }{
		"a form":     {"/base/", "multipart/form-data; boundary=" + testBoundary, form},
		"urlencoded": {"/from_url/", "application/x-www-form-urlencoded", "pub_key=demopublickey"},
		"not signed": {"/info/", "text/plain", "text"},
	}
	server := startServer(t, mustSign(t, onlyProject), func(_ http.ResponseWriter, r *http.Request) error {
		_, err := io.Copy(io.Discard, r.Body)
		return caddyhttp.Error(http.StatusBadGateway, err)
	})
	for fault, end := range bodies {
		for kind, request := range requests {
			t.Run(fault+"/"+kind, func(t *testing.T) {
				connection, err := net.Dial("tcp", server.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer connection.Close()
				_ = connection.SetDeadline(time.Now().Add(time.Minute))
				fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n%s%s", request.path, request.contentType, chunk(request.body), end)
				response, err := http.ReadResponse(bufio.NewReader(connection), nil)
				if err != nil {
					t.Fatal(err)
				}
				reason, _ := io.ReadAll(response.Body)
				if response.StatusCode != http.StatusBadRequest || len(reason) == 0 || strings.Contains(string(reason), "CANARY") || !response.Close {
					t.Errorf("response %s %q, closes: %v", response.Status, reason, response.Close)
				}
			})
		}
	}
}

// Caddy's proxy makes a GET of a CONNECT that asks for a WebSocket over HTTP/2 or HTTP/3. To a
// signed endpoint, that would leave unsigned.
func TestInvariant7ATunnelToASignedEndpointIsRefused(t *testing.T) {
	sign := mustSign(t, onlyProject)
	for path, status := range map[string]int{"/from_url/": 405, "//group": 405, "/base/": 405, "/info/": 200} {
		r := httptest.NewRequest(http.MethodConnect, path+"?pub_key=demopublickey", strings.NewReader("frames"))
		r.Proto, r.ProtoMajor, r.ProtoMinor = "websocket", 3, 0
		r.URL.Path, r.URL.Host = path, ""
		received, response := serve(t, sign, r)
		if response.Code != status || (received.request != nil) != (status == 200) {
			t.Errorf("%s: response %d, passed on: %v", path, response.Code, received.request != nil)
		}
	}
}

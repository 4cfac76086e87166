// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// What is left of a body that is refused is never taken for the next request of
// its connection.
func TestARefusedBodyIsNotTheNextRequest(t *testing.T) {
	seen := make(chan string, 100)
	upstream := startUpstream(t, func(_ http.ResponseWriter, r *http.Request) { seen <- r.URL.Path })
	gateway, signature := freeAddress(t), freeAddress(t)
	c := startCaddy(t, gatewayTo(gateway, upstream.URL, "cors https://www.example.com")+
		"http://"+signature+" {\n\tbind 127.0.0.1\n\tuploadcare_signature {\n\t\tproject demopublickey\n\t\tsecret_key demosecretkey\n\t}\n}\n", canarySecret)

	tests := map[string]struct{ address, head, body string }{
		"another origin":         {gateway, "POST /base/ HTTP/1.1\r\nHost: %[1]s\r\nOrigin: https://evil.com\r\n", "403"},
		"another kind of body":   {gateway, "POST /base/ HTTP/1.1\r\nHost: %[1]s\r\nContent-Type: text/plain\r\n", "415"},
		"a POST for a signature": {signature, "POST / HTTP/1.1\r\nHost: %[1]s\r\n", "405"},
		"a waiting client":       {gateway, "POST /base/ HTTP/1.1\r\nHost: %[1]s\r\nContent-Type: text/plain\r\nExpect: 100-continue\r\n", "415"},
	}
	for name, test := range tests {
		for _, length := range []int{200, 5_000_000} {
			t.Run(fmt.Sprintf("%s/%d", name, length), func(t *testing.T) {
				connection, err := net.Dial("tcp", test.address)
				if err != nil {
					t.Fatal(err)
				}
				defer connection.Close()
				_ = connection.SetDeadline(time.Now().Add(30 * time.Second))
				fmt.Fprintf(connection, test.head+"Content-Length: %[2]d\r\n\r\n", test.address, length)
				smuggled := fmt.Sprintf("GET /smuggled/ HTTP/1.1\r\nHost: %s\r\n\r\n", test.address)
				reader := bufio.NewReader(connection)
				if name == "a waiting client" { // which sees that its body is not wanted
					wantClosed(t, reader, test.body)
					return
				}
				_, _ = io.WriteString(connection, smuggled)
				wantClosed(t, reader, test.body)
			})
		}
	}
	select {
	case path := <-seen:
		t.Errorf("the upstream was asked for %s", path)
	default:
	}
	if strings.Contains(c.output.String(), "panic") {
		t.Errorf("output:\n%s", c.output)
	}
}

// wantClosed reads one response and the end of the connection.
func wantClosed(t *testing.T, reader *bufio.Reader, status string) {
	t.Helper()
	began := time.Now()
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(response.Status, status) || !response.Close {
		t.Errorf("response %s, closes: %v", response.Status, response.Close)
	}
	_ = readAll(t, response)
	if rest, _ := io.ReadAll(reader); len(rest) > 0 {
		t.Errorf("another response came: %q", rest)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}

// Error routes that fail leave the response to the gateway.
func TestErrorRoutesThatFailLeaveTheResponse(t *testing.T) {
	gateway := freeAddress(t)
	site := strings.TrimSuffix(gatewayTo(gateway, startUpstream(t, swallow).URL, ""), "}\n")
	startCaddy(t, strings.Replace(site, "\tlog\n", "", 1)+"\thandle_errors {\n\t\troot "+t.TempDir()+"\n\t\trewrite /{err.status_code}.html\n\t\tfile_server\n\t}\n}\n", canarySecret)
	response := do(t, http.DefaultClient, newUpload(t, "http://"+gateway+"/base/", strings.NewReader(formOf(field("UPLOADCARE_PUB_KEY", "other")))))
	if body := readAll(t, response); response.StatusCode != http.StatusForbidden || body != "UPLOADCARE_PUB_KEY is invalid." {
		t.Errorf("response %d %q", response.StatusCode, body)
	}
}

// What was read to its end leaves the connection to the next request.
func TestConnectionsAreKept(t *testing.T) {
	gateway := freeAddress(t)
	startCaddy(t, gatewayTo(gateway, startUpstream(t, swallow).URL, ""), canarySecret)
	form := formOf(key, file("file", photo))
	requests := map[string]func() *http.Request{
		"an upload": func() *http.Request { return newUpload(t, "http://"+gateway+"/base/", strings.NewReader(form)) },
		"a chunked upload": func() *http.Request {
			return newUpload(t, "http://"+gateway+"/base/", struct{ io.Reader }{strings.NewReader(form)})
		},
		"an unsigned POST": func() *http.Request {
			return newUpload(t, "http://"+gateway+"/multipart/complete/", strings.NewReader(form))
		},
	}
	for name, path := range map[string]string{"an unsigned GET": "/info/", "a signed GET": "/from_url/?pub_key=demopublickey", "a refused GET": "/from_url/"} {
		requests[name] = func() *http.Request {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+gateway+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			return request
		}
	}
	for name, request := range requests {
		t.Run(name, func(t *testing.T) {
			response := do(t, http.DefaultClient, request())
			_ = readAll(t, response)
			if response.Close {
				t.Errorf("response %s closes the connection", response.Status)
			}
		})
	}
}

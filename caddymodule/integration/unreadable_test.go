// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Invariant 10, for what no handler can read of a body: it does not cost a client the
// response that sends all before it looks for one. With bytes of it unread, the kernel
// would reset the connection, and drop the response.
func TestInvariant10TheRestOfAnUnreadableBodyIsDiscarded(t *testing.T) {
	large := formOf(key, file("file", strings.Repeat("0123456789abcdef", 20<<16))) // 20 MiB
	bounded := fmt.Sprintf("X-Bounded: yes\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(large), large)
	expecting := fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n\r\n%s", len(large), large)
	d := newDemo(t)
	d.sandbox = strings.TrimPrefix(startUpstream(t, accept).URL, "http://")
	const bounds = "bind 127.0.0.1\n\t@bounded header X-Bounded *\n\trequest_body @bounded {\n\t\tmax_size 2MiB\n\t}\n\tencode {\n\t\tminimum_length 1\n\t}\n"
	sites := strings.ReplaceAll(d.gateways(""), "bind 127.0.0.1\n", bounds)
	c := startCaddy(t, strings.ReplaceAll(sites, "\tuploadcare {\n", "\tuploadcare {\n\t\tcors https://pages.test\n"))
	d.awaitCertificate(t)
	for name, test := range map[string]struct {
		request, sent string
		status        int
		body          string
	}{
		"larger than request_body allows":              {"POST /base/", "Origin: https://pages.test\r\n" + bounded, 413, "The size of the request is too large."},
		"the same, and the response compressed":        {"POST /base/", "Accept-Encoding: gzip\r\nOrigin: https://pages.test\r\n" + bounded, 413, "The size of the request is too large."},
		"the same, of what is not signed":              {"POST /info/", bounded, 413, ""},
		"a malformed chunk":                            {"POST /base/", "Origin: https://pages.test\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n" + large, 400, "HTTP POST request parsing failed: "},
		"not waiting for 100 Continue":                 {"POST /base/", "Origin: https://other.test\r\n" + expecting, 403, ""},
		"not waiting for 100 Continue, and larger":     {"POST /base/", "Origin: https://pages.test\r\nExpect: 100-continue\r\n" + bounded, 413, "The size of the request is too large."},
		"of a preflight, not waiting for 100 Continue": {"OPTIONS /base/", "Origin: https://pages.test\r\nAccess-Control-Request-Method: POST\r\n" + expecting, 204, ""},
		"of a preflight, a malformed chunk":            {"OPTIONS /base/", "Origin: https://pages.test\r\nAccess-Control-Request-Method: POST\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n" + large, 204, ""},
	} {
		for scheme, address := range map[string]string{"http": d.plain, "https": d.secure} {
			t.Run(name+"/"+scheme, func(t *testing.T) {
				connection := dial(t, scheme, address)
				_ = connection.SetDeadline(time.Now().Add(time.Minute))
				head := test.request + " HTTP/1.1\r\nHost: " + address + "\r\nContent-Type: multipart/form-data; boundary=" + boundary + "\r\n"
				if _, err := io.WriteString(connection, head+test.sent); err != nil {
					t.Fatalf("while it sent: %v", err)
				}
				got := new(http.Response)
				for reader := bufio.NewReader(connection); got.StatusCode < 200; {
					var err error
					if got, err = http.ReadResponse(reader, nil); err != nil {
						t.Fatal(err)
					}
				}
				var err error
				if got.Header.Get("Content-Encoding") == "gzip" {
					got.Body, err = gzip.NewReader(got.Body)
				}
				if err != nil {
					t.Fatal(err)
				}
				if body := readAll(t, got); got.StatusCode != test.status || !got.Close || !strings.HasPrefix(body, test.body) {
					t.Errorf("response %d %q, closes: %v", got.StatusCode, body, got.Close)
				}
			})
		}
	}
	c.checkOutput()
}

// dial opens a connection to the gateway, for HTTP/1.1.
func dial(t *testing.T, scheme, address string) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	if scheme == "https" {
		return tls.Client(connection, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"})
	}
	return connection
}

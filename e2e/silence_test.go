// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

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

// What docs/operations.md says of a client that is silent for more than a minute: by
// Caddy's default it gets 408, with the option its upload goes on.
func TestAClientThatIsSilentForAMinute(t *testing.T) {
	t.Parallel()
	const silence = 63 * time.Second
	for name, test := range map[string]struct {
		options []string
		status  int
	}{
		"by default":               {nil, http.StatusRequestTimeout},
		"with read_body_idle, 10m": {[]string{"servers {\n\t\ttimeouts {\n\t\t\tread_body_idle 10m\n\t\t}\n\t}"}, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, sandbox := freeAddress(t), freeAddress(t)
			start(t, gateway(address, "http://"+sandbox)+sandboxSite(sandbox), test.options...)
			form := fmt.Sprintf("--b\r\nContent-Disposition: form-data; name=\"UPLOADCARE_PUB_KEY\"\r\n\r\n%s\r\n--b\r\n"+
				"Content-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n%s\r\n--b--\r\n", publicKey, strings.Repeat("meow ", 1000))
			connection, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer connection.Close()
			fmt.Fprintf(connection, "POST /base/ HTTP/1.1\r\nHost: %s\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n%s", address, len(form), form[:1000])
			time.Sleep(silence)
			_, _ = io.WriteString(connection, form[1000:]) // it may be too late
			_ = connection.SetReadDeadline(time.Now().Add(time.Minute))
			response, err := http.ReadResponse(bufio.NewReader(connection), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if text, _ := io.ReadAll(response.Body); response.StatusCode != test.status {
				t.Errorf("response %d %q, want %d", response.StatusCode, text, test.status)
			}
		})
	}
}

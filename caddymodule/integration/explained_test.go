// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
)

// recordingUpstream takes requests as they come over the connection.
type recordingUpstream struct {
	mu   sync.Mutex
	seen []recorded
}

// recorded is what an upload must have in common with what explain says of it.
type recorded struct{ target, header, body string }

// proxys are fields that the proxy and its transport set or take out, behind what explain shows.
var proxys = []string{"Host", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Via", "Proxy-Authorization"}

// newRecorded returns what is recorded of a request, with masks for what is fresh.
func newRecorded(target string, header http.Header, body string) recorded {
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if !slices.Contains(proxys, name) {
			fmt.Fprintf(&lines, "%s: %q\n", name, header[name])
		}
	}
	return recorded{masked(target), masked(lines.String()), masked(body)}
}

func (u *recordingUpstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	u.mu.Lock()
	defer u.mu.Unlock()
	if err == nil {
		header := r.Header.Clone()
		if len(r.TransferEncoding) > 0 { // which the server takes out, and a Content-Length it does not
			header["Transfer-Encoding"] = r.TransferEncoding
		}
		u.seen = append(u.seen, newRecorded(r.Method+" "+r.URL.RequestURI(), header, string(body)))
	}
	_, _ = io.WriteString(w, `{"file":"id"}`)
}

func (u *recordingUpstream) take() (seen []recorded) {
	u.mu.Lock()
	defer u.mu.Unlock()
	seen, u.seen = u.seen, nil
	return seen
}

// fresh matches what is fresh, or its mask: a pair in a form and in a query, a token, the mark
// of a gateway.
var fresh = regexp.MustCompile(`(expire"\r\n\r\n|expire=)\d{10}|\b[0-9a-f]{64}\b|~{64}|(Bearer )(?:ey[\w-]+\.[\w-]+\.[\w-]+|~+\.~+\.~+)|(caddy-uploadcare; id=)[a-z0-9~]+`)

func masked(text string) string { return fresh.ReplaceAllString(text, "${1}${2}${3}FRESH") }

// What explain says of a request is what the gateway makes of it, but for what is fresh.
// COMPAT names a directory of further requests, as .ci/run does.
func TestWhatIsExplainedIsWhatIsForwarded(t *testing.T) {
	upstream := new(recordingUpstream)
	gateway, address := freeAddress(t), startUpstream(t, upstream.ServeHTTP).URL
	_, port, _ := strings.Cut(gateway, ":")
	c := startCaddy(t, "http://:"+port+" {\n\tbind 127.0.0.1\n\tuploadcare {\n\t\tproject demopublickey {\n\t\t\tsecret_key demosecretkey\n\t\t}\n\t\tproject onlyimages {\n\t\t\tsecret_key another\n\t\t\ttypes image/*\n\t\t\tstore 0\n\t\t}\n\t\tupstream "+address+"\n\t}\n}\n"+
		"http://"+tokenHost+":"+port+" {\n\tbind 127.0.0.1\n\tuploadcare {\n\t\tproject demopublickey {\n\t\t\tsecret_key demosecretkey\n\t\t\tscheme token\n\t\t}\n\t\tupstream "+address+"\n\t}\n}\n")
	patterns := []string{"../command/testdata/explain/*.http"}
	if compat := os.Getenv("COMPAT"); compat != "" {
		patterns = append(patterns, filepath.Join(compat, "*", "*.http"))
	}
	requests := wireRequests(t)
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no requests in %s: %v", pattern, err)
		}
		requests = append(requests, found...)
	}
	for _, path := range rawtest.Sample(requests) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			captured, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			absolute, _ := filepath.Abs(path)
			raw := filepath.Join(t.TempDir(), "raw")
			output, code := c.uploadcare("explain", "--config", c.path(), "--raw", raw, absolute)
			sendRaw(t, gateway, captured)
			seen := upstream.take()
			if code != 0 || len(seen) == 0 {
				if code != 2 || len(seen) > 0 {
					t.Errorf("explained with %d, and %d requests were forwarded:\n%s", code, len(seen), output)
				}
				return
			}
			head, body, _ := strings.Cut(readFile(t, raw), "\r\n\r\n")
			target, fields, _ := strings.Cut(head, " HTTP/1.1\r\n")
			header, err := textproto.NewReader(bufio.NewReader(strings.NewReader(fields + "\r\n\r\n"))).ReadMIMEHeader()
			if err != nil {
				t.Fatal(err)
			}
			if got, want := newRecorded(target, http.Header(header), body), seen[0]; got != want {
				t.Errorf("explained\n%s\n%s\n%q\nforwarded\n%s\n%s\n%q", got.target, got.header, got.body, want.target, want.header, want.body)
			}
		})
	}
}

// tokenHost is the host of a site whose project has `scheme token`.
const tokenHost = "token.example.com"

// wireRequests writes the requests of the tests of what is on the wire to files: forms of
// all that can be wrong with one, with a length and chunked, and fields in each encoding.
func wireRequests(t *testing.T) (paths []string) {
	t.Helper()
	directory, stale := t.TempDir(), []string{field("signature", "old"), field("expire", "1")}
	whole := formOf(stale[0], file("file", photo), key, stale[1])
	forms := map[string]string{
		"sound":             whole,
		"another-project":   formOf(file("file", photo), field("UPLOADCARE_PUB_KEY", "other")),
		"no-key":            formOf(file("file", photo)),
		"cut-off":           whole[:len(whole)-len(boundary)],
		"bare-line-feeds":   strings.Replace(whole, "\r\n--"+boundary+"--", "\n--"+boundary+"--", 1),
		"hidden-credential": formOf(file("file", photo), part("Content-ID: signature", "x"), key),
		"two-keys":          formOf(key, file("file", photo), field("UPLOADCARE_PUB_KEY", "other")),
		"no-file":           formOf(key),
		"epilogue":          whole + "\r\n\r\n",
		"preamble":          "a form\r\n" + whole,
	}
	const params = "pub_key=demopublickey&signature=old&source_url=https%3A%2F%2Fexample.com%2Fa&expire=1"
	write := func(name, head, body string) { // to each site
		for scheme, host := range map[string]string{"signature": "upload.example.com", "token": tokenHost} {
			path := filepath.Join(directory, name+"-"+scheme+".http")
			if err := os.WriteFile(path, []byte(strings.Replace(head, "upload.example.com", host, 1)+"\r\n"+body), 0o600); err != nil {
				t.Fatal(err)
			}
			paths = append(paths, path)
		}
	}
	for name, form := range forms {
		head := "POST //base?a=%20b&signature=old&jsonerrors=1 HTTP/1.1\r\nHost: upload.example.com\r\nCookie: session=1\r\nAuthorization: Bearer site\r\n" +
			"Content-Type: multipart/form-data; boundary=" + boundary + "\r\n"
		write(name, fmt.Sprintf("%sContent-Length: %d\r\n", head, len(form)), form)
		write(name+"-chunked", head+"Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(form), form))
	}
	for _, method := range []string{"GET", "POST", "HEAD", "post"} {
		write("query-"+method, method+" /from_url/?"+params+" HTTP/1.1\r\nHost: upload.example.com\r\n", "")
	}
	for name, path := range map[string]string{"signed": "/base/", "not-signed": "/other/"} { // with fields for one hop, and those that a client likes to send
		write("fields-"+name, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: upload.example.com\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\nKeep-Alive: timeout=5\r\nProxy-Authorization: Basic canary\r\n"+
			"Cookie: session=1\r\nAuthorization: Basic canary\r\nAccept-Encoding: gzip\r\nUser-Agent: curl/8\r\nX-Old: a\r\nX-Old: b\r\nContent-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n", path, boundary, len(whole)), whole)
	}
	write("urlencoded", fmt.Sprintf("POST /group/ HTTP/1.1\r\nHost: upload.example.com\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n", len(params)), params)
	write("semicolon", "POST /group/?a=b;signature=old&pub_key=demopublickey HTTP/1.1\r\nHost: upload.example.com\r\nContent-Length: 0\r\n", "")
	return paths
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// sendRaw sends a request as it was captured, and reads the response. It ends one that is
// not complete, and only that: to the server, a client that does is gone.
func sendRaw(t *testing.T, address string, captured []byte) {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if _, err := connection.Write(captured); err != nil {
		t.Fatal(err)
	}
	request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(captured)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, request.Body); err != nil {
		_ = connection.(*net.TCPConn).CloseWrite()
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Error(err)
	}
}

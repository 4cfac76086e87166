// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// longResponse does not fit into the buffers of a server.
var longResponse = strings.Repeat("a line of a long response\n", 1000)

// unread is a gateway before handlers that respond without reading the body. A
// header of the request says which.
//
//nolint:dupword // directives and their matchers
const unread = `%s {
	bind 127.0.0.1
	root %s
	route {
		uploadcare_sign {
			project demopublickey {
				secret_key demosecretkey
			}
		}
		@header header X-Next header
		header @header X-Behind yes
		@respond header X-Next respond
		respond @respond "responded"
		@refuse header X-Next refuse
		respond @refuse "refused" 403
		@error header X-Next error
		error @error "no" 418
		@file header X-Next file_server
		file_server @file
		@auth header X-Next basic_auth
		basic_auth @auth {
			editor $2a$04$nk3BmkWwcM8Fkaj9.vFLxuEszYQRRltmTkJSn4BhwYiz86mvKK2ji
		}
		@large header X-Next request_body
		request_body @large {
			max_size 100
		}
		%s
	}
}
`

// Ways to respond without reading the body, and the responses: to an upload, and
// to a request that is not signed, if that is another.
var unreadWays = map[string]struct{ upload, other string }{
	"respond":                   {upload: "200 responded"},
	"refuse":                    {upload: "403 refused"},
	"error":                     {upload: "418 "},
	"file_server":               {upload: "404 "},
	"basic_auth":                {upload: "401 "},
	"writes":                    {upload: "200 written"},
	"writes more than a buffer": {upload: "200 " + longResponse},
	"flushes":                   {upload: "200 flushed, and more"},
	"reads a little":            {upload: "200 read a little"},
	"reads a little and fails":  {upload: "418 "},
	"writes a header alone":     {upload: "204 "},
	"does nothing":              {upload: "502 There was no response from the Upload API.", other: "200 "},
	"header":                    {upload: unhandled, other: "200 "},
	"nothing":                   {upload: unhandled, other: "200 "},
}

const unhandled = "502 Nothing behind uploadcare_sign handled the upload. The gateway's operator must put a proxy to the Upload API there."

// gateway is one of unread, plain and over TLS.
type unreadGateway struct {
	demo
	*caddyProcess
}

func startUnread(t *testing.T) unreadGateway {
	t.Helper()
	var ways strings.Builder
	for _, way := range []string{"writes", "writes more than a buffer", "flushes", "reads a little", "reads a little and fails", "writes a header alone", "does nothing", "panics", "aborts"} {
		name := strings.ReplaceAll(way, " ", "_")
		fmt.Fprintf(&ways, "\t\t@%s header X-Next \"%s\"\n\t\treluctant @%s \"%s\"\n", name, way, name, way)
	}
	d := newDemo(t)
	c := startCaddy(t, fmt.Sprintf(unread, "https://"+d.secure, t.TempDir(), ways.String())+fmt.Sprintf(unread, "http://"+d.plain, t.TempDir(), ways.String()))
	d.awaitCertificate(t)
	return unreadGateway{d, c}
}

// endpoints of requests, one that is signed and one that is not.
var unreadEndpoints = map[string]string{"an upload": "/base/", "another request": "/other/"}

func wantUnread(way, endpoint string) string {
	want := unreadWays[way]
	if endpoint != "/base/" && want.other != "" {
		return want.other
	}
	return want.upload
}

// uploadOf returns a form that is as long as a body is to be, or not shorter.
func uploadOf(size int) string {
	short := formOf(key, file("file", ""))
	return formOf(key, file("file", strings.Repeat("x", max(size-len(short), 0))))
}

// A handler that responds without having read the body: the client, who sends all
// of it before it looks, gets the whole response, and no connection is reset.
func TestAResponseToABodyThatNoHandlerReadsArrives(t *testing.T) {
	gateway := startUnread(t)
	bodies := map[string]string{"1 KiB": uploadOf(1 << 10), "200 KiB": uploadOf(200 << 10), "1 MiB": uploadOf(1 << 20), "30 MiB": uploadOf(30 << 20)}
	for way := range unreadWays {
		for endpoint, path := range unreadEndpoints {
			for size, form := range bodies {
				for _, framing := range []string{"length", "chunked"} {
					t.Run(strings.Join([]string{way, endpoint, size, framing}, "/"), func(t *testing.T) {
						inGoroutine(func() {
							c := dialUnread(t, gateway.plain)
							c.head(way, path, framing, len(form))
							c.send(framing, form)
							c.check(wantUnread(way, path))
						})
					})
				}
			}
		}
	}
	checkNoPanic(t, gateway.caddyProcess)
}

// So it is for clients that pause, that wait to be asked, that never send their
// body, or have none.
func TestAResponseToABodyThatDoesNotComeArrives(t *testing.T) {
	gateway := startUnread(t)
	form := uploadOf(1 << 20)
	clients := map[string]func(c *unreadClient, way, path string){
		"pauses": func(c *unreadClient, way, path string) {
			c.head(way, path, "length", len(form))
			c.write(form[:len(form)/2])
			time.Sleep(500 * time.Millisecond)
			c.write(form[len(form)/2:])
		},
		"pauses, chunked": func(c *unreadClient, way, path string) {
			c.head(way, path, "chunked", 0)
			c.write(fmt.Sprintf("%x\r\n%s\r\n", len(form)/2, form[:len(form)/2]))
			time.Sleep(500 * time.Millisecond)
			c.write(fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(form)-len(form)/2, form[len(form)/2:]))
		},
		"never sends":             func(c *unreadClient, way, path string) { c.head(way, path, "length", len(form)) },
		"never sends a small one": func(c *unreadClient, way, path string) { c.head(way, path, "length", 1000) },
		"never sends, chunked":    func(c *unreadClient, way, path string) { c.head(way, path, "chunked", 0) },
		"sends half of a large one": func(c *unreadClient, way, path string) {
			c.head(way, path, "length", len(form))
			c.write(form[:len(form)/2])
		},
		"sends half of a small one": func(c *unreadClient, way, path string) { c.head(way, path, "length", 1000); c.write(form[:500]) },
	}
	clients["waits to be asked"] = func(c *unreadClient, way, path string) {
		c.head(way, path, "length\r\nExpect: 100-continue", len(form))
		if c.isAsked() { // and sends it then
			c.write(form)
		}
	}
	var all sync.WaitGroup // which wait for the server rather than work
	for way := range unreadWays {
		for endpoint, path := range unreadEndpoints {
			for name, client := range clients {
				if strings.HasPrefix(way, "reads a little") && strings.HasPrefix(name, "never sends") {
					continue // it waits for what does not come
				}
				all.Go(func() {
					c := dialUnread(t, gateway.plain)
					c.name = strings.Join([]string{way, endpoint, name}, "/")
					client(c, way, path)
					c.check(wantUnread(way, path))
				})
			}
		}
	}
	all.Wait()
	checkNoPanic(t, gateway.caddyProcess)
}

// A request without a body is for the next handler, and its connection goes on.
func TestAResponseToNoBodyArrives(t *testing.T) {
	gateway := startUnread(t)
	for way := range unreadWays {
		if strings.HasPrefix(way, "reads a little") {
			continue // there is nothing to be read
		}
		t.Run(way, func(t *testing.T) {
			inGoroutine(func() {
				c := dialUnread(t, gateway.plain)
				for range 2 {
					c.write("POST /group/?pub_key=demopublickey HTTP/1.1\r\nHost: " + c.host + "\r\nX-Next: " + way + "\r\nContent-Length: 0\r\n\r\n")
					if got, last := c.response(); got != wantUnread(way, "/base/") || last {
						c.fail("got %.100s, the last: %v", got, last)
					}
				}
			})
		})
	}
	checkNoPanic(t, gateway.caddyProcess)
}

// The same over every version of HTTP, by a client that looks for the response
// while it sends.
func TestAResponseToABodyThatNoHandlerReadsArrivesOverEveryVersion(t *testing.T) {
	gateway := startUnread(t)
	for _, version := range []string{"HTTP/1.1", "HTTP/2.0", "HTTP/3.0"} {
		client := client(t, version)
		for way := range unreadWays {
			for endpoint, path := range unreadEndpoints {
				for name, size := range map[string]int{"1 KiB": 1 << 10, "1 MiB": 1 << 20, "30 MiB": 30 << 20} {
					if size > 1<<20 && way != "respond" && way != "error" && way != "nothing" {
						continue
					}
					t.Run(strings.Join([]string{version, way, endpoint, name}, "/"), func(t *testing.T) {
						request := newUpload(t, "https://"+gateway.secure+path, strings.NewReader(uploadOf(size)))
						request.Header.Set("X-Next", way)
						response := do(t, client, request)
						if got := fmt.Sprint(response.StatusCode, " ", readAll(t, response)); got != wantUnread(way, path) || response.Proto != version {
							t.Errorf("%s: got %.100s", response.Proto, got)
						}
					})
				}
			}
		}
	}
	checkNoPanic(t, gateway.caddyProcess)
}

// A client that asks for JSON gets JSON that says that nothing handled its upload.
func TestInvariant7AnUploadThatNothingHandlesIsRefused(t *testing.T) {
	gateway := startUnread(t)
	for _, path := range []string{"/base/?jsonerrors=1", "/group/?jsonerrors=1&pub_key=demopublickey", "/from_url/?jsonerrors=1&pub_key=demopublickey"} {
		request := newUpload(t, "http://"+gateway.plain+path, strings.NewReader(uploadOf(1000)))
		if !strings.HasPrefix(path, "/base/") {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			request.Body, request.ContentLength = io.NopCloser(strings.NewReader("a=b")), 3
		}
		want := `{"error":{"status_code":502,"content":"` + strings.TrimPrefix(unhandled, "502 ") + `","error_code":"GatewayUnhandledError"}}`
		response := do(t, http.DefaultClient, request)
		if got := readAll(t, response); response.StatusCode != 200 || got != want || response.Header.Get("X-Uploadcare-Request-Id") == "" {
			t.Errorf("%s: status %d %s", path, response.StatusCode, got)
		}
	}
	if counted := gateway.get("/metrics"); !strings.Contains(counted, `caddy_uploadcare_uploads_total{endpoint="/base/",outcome="refused",project="",reason="GatewayUnhandledError"} 1`) {
		t.Errorf("it is not counted as refused:\n%s", counted)
	}
}

// A handler that panics takes its own connection with it, and nothing else.
func TestAHandlerThatPanicsDoesNotPanicTwice(t *testing.T) {
	gateway := startUnread(t)
	for _, way := range []string{"panics", "aborts"} {
		for endpoint, path := range unreadEndpoints {
			for size, form := range map[string]string{"1 KiB": uploadOf(1 << 10), "1 MiB": uploadOf(1 << 20)} {
				t.Run(strings.Join([]string{way, endpoint, size}, "/"), func(t *testing.T) {
					inGoroutine(func() {
						c := dialUnread(t, gateway.plain)
						c.head(way, path, "length", len(form))
						_, _ = io.WriteString(c.connection, form) // the connection may be gone by then
						if rest, _ := io.ReadAll(c.reader); len(rest) > 0 {
							c.fail("got %q", rest)
						}
					})
				})
			}
		}
	}
	output := gateway.output.String()
	if strings.Contains(output, "concurrent Body.Read") || strings.Count(output, "on purpose") == 0 {
		t.Errorf("output:\n%s", output)
	}
}

// unreadClient speaks HTTP/1.1, byte for byte, in a goroutine that is not the test's
// own: there may be many.
type unreadClient struct {
	t          *testing.T
	name       string
	host       string
	connection net.Conn
	reader     *bufio.Reader
}

func dialUnread(t *testing.T, address string) *unreadClient {
	t.Helper()
	c := &unreadClient{t: t, name: t.Name(), host: address}
	var err error
	if c.connection, err = net.Dial("tcp", address); err != nil {
		c.fail("dialling: %v", err)
	}
	t.Cleanup(func() { _ = c.connection.Close() })
	_ = c.connection.SetDeadline(time.Now().Add(30 * time.Second))
	c.reader = bufio.NewReader(c.connection)
	return c
}

// fail ends the goroutine, as [testing.T.Fatal] ends that of a test.
func (c *unreadClient) fail(format string, arguments ...any) {
	c.t.Helper()
	c.t.Errorf(c.name+": "+format, arguments...)
	runtime.Goexit()
}

func (c *unreadClient) write(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.connection, text); err != nil {
		c.fail("while it sent: %v", err)
	}
}

// head sends the head of a request for one of the handlers. More headers may
// follow the framing.
func (c *unreadClient) head(way, path, framing string, length int) {
	c.t.Helper()
	framing, more, _ := strings.Cut(framing, "\r\n")
	framed := "Transfer-Encoding: chunked"
	if framing == "length" {
		framed = fmt.Sprint("Content-Length: ", length)
	}
	if more != "" {
		more += "\r\n"
	}
	c.write(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nX-Next: %s\r\nContent-Type: multipart/form-data; boundary=%s\r\n%s\r\n%s\r\n", path, c.host, way, boundary, framed, more))
}

// send sends a body.
func (c *unreadClient) send(framing, body string) {
	c.t.Helper()
	if framing == "chunked" {
		body = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	}
	c.write(body)
}

// isAsked reports whether the client is asked for its body.
func (c *unreadClient) isAsked() bool {
	c.t.Helper()
	const asked = "HTTP/1.1 100 Continue\r\n\r\n"
	beginning, err := c.reader.Peek(len(asked))
	if err != nil {
		c.fail("%v", err)
	}
	if string(beginning) != asked {
		return false
	}
	_, _ = c.reader.Discard(len(asked))
	return true
}

// response returns the status and the body of a response, and whether it is the
// last of its connection.
func (c *unreadClient) response() (got string, last bool) {
	c.t.Helper()
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		c.fail("%v", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		c.fail("after %d bytes of the response: %v", len(body), err)
	}
	return fmt.Sprint(response.StatusCode, " ", string(body)), response.Close
}

// check checks the response, and what becomes of the connection: it takes another
// request, or ends, and is not reset.
func (c *unreadClient) check(want string) {
	c.t.Helper()
	got, last := c.response()
	if got != want {
		c.fail("got %.200s", got)
	}
	if !last {
		c.write("GET /info/ HTTP/1.1\r\nHost: " + c.host + "\r\nX-Next: respond\r\nConnection: close\r\n\r\n")
		if got, _ := c.response(); got != "200 responded" {
			c.fail("the next response is %.200s", got)
		}
	}
	if rest, err := io.ReadAll(c.reader); err != nil || len(rest) > 0 {
		c.fail("after the response: %.200q, %v", rest, err)
	}
}

// inGoroutine runs f, which may end its goroutine.
func inGoroutine(f func()) {
	var done sync.WaitGroup
	done.Go(f)
	done.Wait()
}

func checkNoPanic(t *testing.T, c *caddyProcess) {
	t.Helper()
	for line := range strings.Lines(c.output.String()) {
		if strings.Contains(line, "panic serving") || strings.Contains(line, "superfluous") {
			t.Errorf("the log says %s", line)
		}
	}
}

// What the gateway says without asking anybody arrives at a client that sends a body
// for no reason, too.
func TestWhatIsHandedOutArrivesThoughABodyIsSent(t *testing.T) {
	const project = "project demopublickey\n\t\tsecret_key demosecretkey\n\t\tcors https://www.example.com"
	signature, gateway := freeAddress(t), freeAddress(t)
	c := startCaddy(t, fmt.Sprintf("http://%s {\n\tbind 127.0.0.1\n\tuploadcare_signature {\n\t\t%s\n\t}\n}\nhttp://%s {\n\tbind 127.0.0.1\n\tuploadcare {\n\t\t%s\n\t}\n}\n", signature, project, gateway, project))
	const preflight = "Origin: https://www.example.com\r\nAccess-Control-Request-Method: POST\r\n"
	for name, test := range map[string]struct{ address, method, header, want string }{
		"a signature":                 {signature, "GET", "", `200 {"secureSignature":"`},
		"a preflight for it":          {signature, "OPTIONS", preflight, "204 "},
		"a preflight for an upload":   {gateway, "OPTIONS", preflight, "204 "},
		"a refusal of a signature":    {signature, "POST", "", "405 Signatures are handed out by GET."},
		"a refusal of another origin": {gateway, "POST", "Origin: https://evil.example\r\n", "403 Uploads from pages of this origin are not allowed."},
	} {
		for _, size := range []int{1 << 10, 1 << 20, 30 << 20} {
			t.Run(fmt.Sprint(name, "/", size), func(t *testing.T) {
				inGoroutine(func() {
					c := dialUnread(t, test.address)
					c.write(fmt.Sprintf("%s /base/ HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %d\r\n\r\n", test.method, test.address, test.header, size))
					c.write(strings.Repeat("x", size))
					if got, _ := c.response(); !strings.HasPrefix(got, test.want) {
						c.fail("got %.100s", got)
					}
				})
			})
		}
	}
	checkNoPanic(t, c)
}

// An upstream that responds before a body is through is heard, also if the request is
// not signed.
func TestInvariant10AnEarlyResponseToAnUnsignedRequestArrives(t *testing.T) {
	addresses, c := startWays(t, strings.TrimPrefix(halfHearted(t), "http://"), "http")
	for way, address := range addresses {
		for size, body := range map[string]string{"100 KiB": strings.Repeat("x", 100<<10), "20 MiB": strings.Repeat("x", 20<<20)} {
			for _, framing := range []string{"length", "chunked"} {
				t.Run(strings.Join([]string{way, size, framing}, "/"), func(t *testing.T) {
					inGoroutine(func() {
						c := dialUnread(t, strings.Replace(strings.TrimPrefix(address, "http://"), "localhost", "127.0.0.1", 1))
						c.host = strings.TrimPrefix(address, "http://")
						c.head("none", "/other/", framing, len(body))
						c.send(framing, body)
						if got, _ := c.response(); got != "413 early" {
							c.fail("got %.100s", got)
						}
					})
				})
			}
		}
	}
	checkNoPanic(t, c)
}

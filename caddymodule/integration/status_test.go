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

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
)

// oddUpstream responds to every request, once it has its body, with the bytes that the
// request's own header asks for.
func oddUpstream(t *testing.T) string {
	t.Helper()
	return rawtest.Serve(t, func(connection net.Conn, _ int) {
		request, err := http.ReadRequest(bufio.NewReader(connection))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, request.Body)
		body := strings.NewReplacer("|", "\r\n", "Odd|", "Odd\r\nConnection: close\r\n").Replace(request.Header.Get("X-Response"))
		_, _ = io.WriteString(connection, body)
	})
}

// threeWays are the ways to the upstream: by the shortcut, past it, and by Caddy's
// own proxy.
func threeWays(upstream string) map[string]string {
	const project = "project demopublickey {\n\t\tsecret_key demosecretkey\n\t}\n"
	return map[string]string{
		"the shortcut":      "uploadcare {\n\t" + project + "\tupstream http://" + upstream + "\n}",
		"uploadcare_proxy":  "uploadcare {\n\t" + project + "\tupstream http://" + upstream + "\n\theader_up X-More yes\n}",
		"the reverse_proxy": "uploadcare_sign {\n\t" + project + "}\nreverse_proxy http://" + upstream,
	}
}

// startWays serves each way at an address of its own, over HTTP/1.1, or over TLS.
func startWays(t *testing.T, upstream, scheme string) (addresses map[string]string, c *caddyProcess) {
	t.Helper()
	var caddyfile strings.Builder
	addresses = make(map[string]string)
	for way, block := range threeWays(upstream) {
		_, port, _ := strings.Cut(freeAddress(t), ":")
		addresses[way] = scheme + "://localhost:" + port
		fmt.Fprintf(&caddyfile, "%s {\nbind 127.0.0.1\n%s\n}\n", addresses[way], block)
	}
	c = startCaddy(t, caddyfile.String())
	for _, address := range addresses {
		if scheme == "https" {
			demo{secure: strings.TrimPrefix(address, "https://")}.awaitCertificate(t)
		}
	}
	return addresses, c
}

// An upstream's status that no response can have is the upstream's fault, and is
// said to be; it is not the gateway's panic.
func TestAnInvalidStatusOfTheUpstreamIsABadGateway(t *testing.T) {
	const rest = " Odd|Content-Length: 2|Content-Encoding: gzip|Location: /elsewhere|Set-Cookie: a=b||ok"
	invalid, unreachable := "502 The response of the Upload API has an invalid status.", "502 The Upload API cannot be reached by the gateway."
	responses := map[string]struct{ body, want string }{
		"099":               {"HTTP/1.1 099" + rest, invalid},
		"000":               {"HTTP/1.1 000" + rest, invalid},
		"001":               {"HTTP/1.1 001" + rest, invalid},
		"+99":               {"HTTP/1.1 +99" + rest, invalid},
		"-99":               {"HTTP/1.1 -99" + rest, unreachable},
		"1000":              {"HTTP/1.1 1000" + rest, unreachable},
		"20":                {"HTTP/1.1 20" + rest, unreachable},
		"2OO":               {"HTTP/1.1 2OO" + rest, unreachable},
		"none":              {"HTTP/1.1 ||", unreachable},
		"nothing at all":    {"|", unreachable},
		"101 unasked":       {"HTTP/1.1 101 Switching|Upgrade: odd|Connection: Upgrade||", "502 "},
		"101 to nothing":    {"HTTP/1.1 101 Switching||", "502 "},
		"interim, then 099": {"HTTP/1.1 103 Early Hints||HTTP/1.1 099" + rest, invalid},
		"odd interim ones":  {"HTTP/1.1 150 Interim||HTTP/1.1 199 Interim|X: y||HTTP/1.1 200 Odd|Content-Length: 2||ok", "200 ok"},
		"interim alone":     {"HTTP/1.1 150 Interim||", unreachable},
		"600":               {"HTTP/1.1 600 Odd|Content-Length: 2||ok", "600 ok"},
		"999":               {"HTTP/1.1 999 Odd|Content-Length: 2||ok", "999 ok"},
		"299, chunked":      {"HTTP/1.1 299 Odd|Transfer-Encoding: chunked||2|ok|0||", "299 ok"},
		"no reason":         {"HTTP/1.1 200|Content-Length: 2|Connection: close||ok", "200 ok"},
	}
	for scheme, versions := range map[string][]string{"http": {"HTTP/1.1"}, "https": {"HTTP/2.0", "HTTP/3.0"}} {
		addresses, c := startWays(t, oddUpstream(t), scheme)
		for way, address := range addresses {
			for _, version := range versions {
				for name, test := range responses {
					for path, what := range map[string]string{"/base/": "an upload", "/info/": "another request"} {
						t.Run(strings.Join([]string{way, version, what, name}, "/"), func(t *testing.T) {
							request := newUpload(t, address+path, strings.NewReader(formOf(key, file("file", "small"))))
							request.Header.Set("X-Response", test.body)
							response := do(t, client(t, version), request)
							got := fmt.Sprint(response.StatusCode, " ", readAll(t, response))
							if strings.HasPrefix(name, "101") && path == "/info/" {
								return // Caddy's proxy ends without a response, or says 502
							}
							if !strings.HasPrefix(got, test.want) || len(test.want) > 4 && got != test.want || len(got) < 5 {
								t.Errorf("got %s", got)
							}
							if response.StatusCode == http.StatusBadGateway && (response.Header.Get("Content-Encoding") != "" || response.Header.Get("Set-Cookie") != "" || response.Header.Get("X-Uploadcare-Request-Id") == "") {
								t.Errorf("header %v", response.Header)
							}
						})
					}
				}
			}
		}
		checkNoPanic(t, c)
	}
}

// An upload that ends before its declared length, or in the middle of its chunks,
// gets a response that says so: its client may have closed the sending half of its connection alone.
func TestAnUploadThatIsCutShortGetsAResponse(t *testing.T) {
	const want = "400 The request ended before all of its body had come."
	form := formOf(key, file("file", strings.Repeat("x", 100<<10)))
	chunks := fmt.Sprintf("%x\r\n%s\r\n", len(form), form)
	multipart := "Content-Type: multipart/form-data; boundary=" + boundary
	const urlencoded = "Content-Type: application/x-www-form-urlencoded"
	requests := map[string]struct{ path, header, body string }{
		"a form":                       {"/base/", fmt.Sprintf("%s\r\nContent-Length: %d", multipart, len(form)), form[:len(form)/2]},
		"a form of which nothing came": {"/base/", fmt.Sprintf("%s\r\nContent-Length: %d", multipart, len(form)), ""},
		"a form without its last byte": {"/base/", fmt.Sprintf("%s\r\nContent-Length: %d", multipart, len(form)), form[:len(form)-1]},
		"a form, as JSON":              {"/base/?jsonerrors=1", fmt.Sprintf("%s\r\nContent-Length: %d", multipart, len(form)), form[:len(form)/2]},
		"chunks":                       {"/base/", multipart + "\r\nTransfer-Encoding: chunked", chunks[:len(chunks)/2]},
		"chunks without the last":      {"/base/", multipart + "\r\nTransfer-Encoding: chunked", chunks},
		"within the last chunk":        {"/base/", multipart + "\r\nTransfer-Encoding: chunked", chunks + "0\r"},
		"behind the last chunk":        {"/base/", multipart + "\r\nTransfer-Encoding: chunked", chunks + "0\r\n\r"},
		"a chunk's length":             {"/base/", multipart + "\r\nTransfer-Encoding: chunked", "5"},
		"urlencoded":                   {"/group/", urlencoded + "\r\nContent-Length: 100", "pub_key=demopublickey&files[0]="},
		"urlencoded, chunked":          {"/group/", urlencoded + "\r\nTransfer-Encoding: chunked", "1f\r\npub_key=demopublickey"},
		"a request that is not signed": {"/multipart/complete/", fmt.Sprintf("%s\r\nContent-Length: %d", multipart, len(form)), form[:len(form)/2]},
	}
	addresses, c := startWays(t, strings.TrimPrefix(startUpstream(t, swallow).URL, "http://"), "http")
	for way, address := range addresses {
		for name, test := range requests {
			for range 5 { // the end of the body and of the request race with each other
				t.Run(way+"/"+name, func(t *testing.T) {
					connection, err := net.Dial("tcp", strings.Replace(strings.TrimPrefix(address, "http://"), "localhost", "127.0.0.1", 1))
					if err != nil {
						t.Fatal(err)
					}
					defer connection.Close()
					_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
					fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n%s", test.path, strings.TrimPrefix(address, "http://"), test.header, test.body)
					if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
						t.Fatal(err)
					}
					response, err := http.ReadResponse(bufio.NewReader(connection), nil)
					if err != nil {
						t.Fatal(err)
					}
					got := fmt.Sprint(response.StatusCode, " ", readAll(t, response))
					want := want
					if strings.Contains(test.path, "jsonerrors") {
						want = `200 {"error":{"status_code":400,"content":"` + want[4:] + `","error_code":"GatewayIncompleteError"}}`
					}
					if got != want || !response.Close {
						t.Errorf("got %s, the connection ends: %v", got, response.Close)
					}
				})
			}
		}
	}
	if counted := c.get("/metrics"); !strings.Contains(counted, `outcome="refused"`) {
		t.Error("they are not counted as refused")
	}
	if output := c.output.String(); strings.Contains(output, "panic serving") || strings.Contains(output, `"level":"error","ts"`) || !strings.Contains(output, "upload refused") {
		t.Errorf("output:\n%s", output)
	}
}

// The same over HTTP/2, where a stream's sending half ends by itself.
func TestAnUploadThatIsCutShortGetsAResponseOverHTTP2(t *testing.T) {
	addresses, c := startWays(t, strings.TrimPrefix(startUpstream(t, swallow).URL, "http://"), "https")
	form := formOf(key, file("file", strings.Repeat("x", 100<<10)))
	for way, address := range addresses {
		for name, sent := range map[string]int{"half of it": len(form) / 2, "all but a byte": len(form) - 1, "nothing": 0} {
			for range 5 {
				t.Run(way+"/"+name, func(t *testing.T) {
					got := cutShortOverHTTP2(t, strings.TrimPrefix(address, "https://"), form, sent)
					if want := "400 The request ended before all of its body had come."; got != want {
						t.Errorf("got %s", got)
					}
				})
			}
		}
	}
	checkNoPanic(t, c)
}

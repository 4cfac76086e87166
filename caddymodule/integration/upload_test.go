// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/quic-go/quic-go/http3"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
)

const boundary = fixture.Boundary

var part, field, formOf = fixture.Part, fixture.Field, fixture.Form

func file(name, content string) string { return fixture.File(name, "cat.jpg", content) }

var key = field("UPLOADCARE_PUB_KEY", "demopublickey")

// photo is content that a careless editor would trip over.
var photo = strings.Repeat("\r\n--"+boundary[:len(boundary)-1]+"\r\n-\r\r\n--\x00\xff", 3000)

// client returns a client that speaks one version of HTTP.
func client(t *testing.T, version string) *http.Client {
	t.Helper()
	insecure := &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}
	switch version {
	case "HTTP/1.1":
		transport := &http.Transport{TLSClientConfig: insecure, ExpectContinueTimeout: 10 * time.Second}
		t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport}
	case "HTTP/2.0":
		transport := &http.Transport{TLSClientConfig: insecure, ForceAttemptHTTP2: true}
		t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport}
	default:
		transport := &http3.Transport{TLSClientConfig: insecure}
		t.Cleanup(func() { _ = transport.Close() })
		return &http.Client{Transport: transport}
	}
}

func newUpload(t *testing.T, url string, body io.Reader) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	return request
}

func do(t *testing.T, client *http.Client, request *http.Request) *http.Response {
	t.Helper()
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func readAll(t *testing.T, response *http.Response) string {
	t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// checkStored checks that an upload was accepted and that the sandbox has the
// content under the field's name.
func checkStored(t *testing.T, d demo, response *http.Response, name, content string) {
	t.Helper()
	body := readAll(t, response)
	var ids map[string]string
	if err := json.Unmarshal([]byte(body), &ids); err != nil || response.StatusCode != http.StatusOK || ids[name] == "" {
		t.Fatalf("response %d %s", response.StatusCode, body)
	}
	stored, err := http.Get("http://" + d.sandbox + "/" + ids[name] + "/")
	if err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, stored); got != content {
		t.Errorf("%d bytes were sent, %d other bytes are stored", len(content), len(got))
	}
}

// Every way in which clients send their uploads, over every version of HTTP,
// against a server that takes nothing but one valid credential.
func TestUploadsAreAccepted(t *testing.T) {
	forms := map[string]struct {
		form, name, content string
	}{
		"no stale field":        {formOf(key, file("file", photo)), "file", photo},
		"before the file":       {formOf(key, field("signature", "old"), field("expire", "1"), file("file", photo)), "file", photo},
		"after the file":        {formOf(file("file", photo), key, field("signature", "old"), field("expire", "1")), "file", photo},
		"twice":                 {formOf(field("expire", "1"), file("file", photo), key, field("expire", "2"), field("signature", "a"), field("signature", "b")), "file", photo},
		"empty":                 {formOf(key, field("signature", ""), field("expire", ""), file("file", photo)), "file", photo},
		"unquoted":              {formOf(key, part("Content-Disposition: form-data; name=signature", "old"), file("file", photo)), "file", photo},
		"in odd case":           {formOf(key, part("content-disposition: form-data; NAME=\"Signature\"", "old"), part("CONTENT-DISPOSITION: form-data; name=\"expire\"", "1"), file("file", photo)), "file", photo},
		"the iframe's":          {formOf(key, field("UPLOADCARE_SIGNATURE", "old"), field("UPLOADCARE_EXPIRE", "1"), file("file", photo)), "file", photo},
		"a file called so":      {formOf(key, file("signature", photo), field("signature", "old")), "signature", photo},
		"an empty file":         {formOf(key, file("file", "")), "file", ""},
		"preamble and epilogue": {"\r\n" + formOf(key, file("file", photo)) + "\r\n", "file", photo},
	}
	framings := map[string]func(form string) io.Reader{
		"with a length": func(form string) io.Reader { return strings.NewReader(form) },
		"chunked":       func(form string) io.Reader { return struct{ io.Reader }{strings.NewReader(form)} },
	}
	d := newDemo(t)
	d.start(t, "", "")
	for _, version := range []string{"HTTP/1.1", "HTTP/2.0", "HTTP/3.0"} {
		for framing, reader := range framings {
			for name, test := range forms {
				t.Run(version+"/"+framing+"/"+name, func(t *testing.T) {
					response := do(t, client(t, version), newUpload(t, "https://"+d.secure+"/base/", reader(test.form)))
					if response.Proto != version {
						t.Errorf("the response came over %s", response.Proto)
					}
					checkStored(t, d, response, test.name, test.content)
				})
			}
		}
	}
}

func TestUploadInChunksOfOneByte(t *testing.T) {
	d := newDemo(t)
	d.start(t, "", "")
	content := photo[:4000]
	form := formOf(field("expire", "1"), file("file", content), key, field("signature", "old"))
	for _, version := range []string{"HTTP/1.1", "HTTP/2.0", "HTTP/3.0"} {
		t.Run(version, func(t *testing.T) {
			response := do(t, client(t, version), newUpload(t, "https://"+d.secure+"/base/", iotest.OneByteReader(strings.NewReader(form))))
			checkStored(t, d, response, "file", content)
		})
	}
}

// A client that waits for 100 Continue gets it, once, and no upload is taken
// from one that is to be refused.
func TestUploadThatExpectsToContinue(t *testing.T) {
	d := newDemo(t)
	d.start(t, "", "")
	form := formOf(key, file("file", photo))
	send := func(contentType string) (net.Conn, string) {
		connection, err := net.Dial("tcp", d.plain)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = connection.Close() })
		fmt.Fprintf(connection, "POST /base/ HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", d.plain, contentType, len(form))
		_ = connection.SetReadDeadline(time.Now().Add(30 * time.Second))
		head := make([]byte, 4096)
		n, err := connection.Read(head)
		if err != nil {
			t.Fatal(err)
		}
		return connection, string(head[:n])
	}

	connection, head := send("multipart/form-data; boundary=" + boundary)
	if head != "HTTP/1.1 100 Continue\r\n\r\n" {
		t.Fatalf("got %q", head)
	}
	if _, err := io.WriteString(connection, form); err != nil {
		t.Fatal(err)
	}
	head = ""
	for !strings.Contains(head, `{"file":"`) {
		more := make([]byte, 4096)
		n, err := connection.Read(more)
		if err != nil {
			t.Fatalf("%v after %q", err, head)
		}
		head += string(more[:n])
	}
	if !strings.HasPrefix(head, "HTTP/1.1 200 OK\r\n") {
		t.Errorf("got %q", head)
	}

	if _, head := send("text/plain"); !strings.HasPrefix(head, "HTTP/1.1 415 ") {
		t.Errorf("a request to be refused got %q", head)
	}
}

// Without the gateway, the same upload is refused.
func TestSandboxInsistsOnASignature(t *testing.T) {
	d := newDemo(t)
	d.start(t, "", "")
	response := do(t, http.DefaultClient, newUpload(t, "http://"+d.sandbox+"/base/", strings.NewReader(formOf(key, file("file", photo)))))
	if got := readAll(t, response); response.StatusCode != http.StatusBadRequest || got != "`signature` is required." {
		t.Errorf("response %d %s", response.StatusCode, got)
	}
}

// trickle yields data in pieces, one per interval.
func trickle(data string, pieces int, interval time.Duration) io.Reader {
	reader, writer := io.Pipe()
	go func() {
		size := len(data)/pieces + 1
		for len(data) > 0 {
			n := min(size, len(data))
			if _, err := io.WriteString(writer, data[:n]); err != nil {
				return
			}
			data = data[n:]
			time.Sleep(interval)
		}
		_ = writer.Close()
	}()
	return reader
}

// An upload that takes longer than a token lives arrives with one that is
// valid: the sandbox judges it when the body has arrived.
func TestUploadThatOutlivesTheTokenArrivesSigned(t *testing.T) {
	d := newDemo(t)
	d.start(t, "lifetime 3s\n\t\t\tthreshold 1s", "")
	quick := do(t, http.DefaultClient, newUpload(t, "http://"+d.plain+"/base/", strings.NewReader(formOf(key, file("file", photo)))))
	checkStored(t, d, quick, "file", photo) // from now on a token is cached
	began := time.Now()
	form := formOf(key, field("signature", "old"), file("file", photo))
	slow := do(t, http.DefaultClient, newUpload(t, "http://"+d.plain+"/base/", trickle(form, 10, 500*time.Millisecond)))
	checkStored(t, d, slow, "file", photo)
	if took := time.Since(began); took < 4*time.Second {
		t.Errorf("the upload took %s, which is no test of a token that lives for 3s", took)
	}
}

// Invariant 9: a reload or a graceful stop loses no upload that is under way.
func TestInvariant9ReloadAndStopLoseNoUpload(t *testing.T) {
	d := newDemo(t)
	// The upstream is this process's own, so that it outlives Caddy.
	begun, stored := make(chan struct{}, 10), make(chan string, 10)
	upstream := startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			t.Errorf("at the upstream: %v", err)
			return
		}
		content, _ := r.MultipartForm.File["file"][0].Open()
		var buffer bytes.Buffer
		_, _ = buffer.ReadFrom(content)
		stored <- buffer.String()
		fmt.Fprint(w, len(r.MultipartForm.Value["signature"]), len(r.MultipartForm.Value["expire"]))
	})
	d.sandbox = strings.TrimPrefix(upstream.URL, "http://")
	gateways := d.gateways("")
	c := startCaddy(t, gateways)
	// check sends an upload, whose last byte comes when the upload has outlived what it is to.
	check := func(what string, outlived func()) {
		t.Helper()
		rest, responded := make(chan struct{}), make(chan *http.Response, 1)
		request := newUpload(t, "http://"+d.plain+"/base/", heldBack(formOf(file("file", photo), key), rest))
		go func() {
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Errorf("%s: upload: %v", what, err)
			}
			responded <- response
		}()
		receive(t, what+": the upload reaches the upstream", begun)
		outlived()
		close(rest)
		response := receive(t, what+": the upload ends", responded)
		if response == nil {
			t.Fatalf("%s: no response", what)
		}
		if body := readAll(t, response); body != "1 1" {
			t.Errorf("%s: response %d %q", what, response.StatusCode, body)
		}
		if got := receive(t, what+": the upload is stored", stored); got != photo {
			t.Errorf("%s: another file arrived", what)
		}
	}
	check("reload", func() {
		c.reload(strings.ReplaceAll(gateways, "secret_key demosecretkey", "secret_key anothersecretkey"))
	})
	check("stop", func() {
		c.terminate()
		eventually(t, "connections are refused", func() bool { return refuses(d.plain) })
	})
	exits(t, c)
}

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

// halfHearted is an upstream that responds as soon as it has seen the head of a
// request, and hangs up.
func halfHearted(t *testing.T) string {
	t.Helper()
	return startHalfHearted(t, "Connection: close\r\n", 100*time.Millisecond)
}

// halfHeartedThatWaits does not hang up, and reads no more.
func halfHeartedThatWaits(t *testing.T) string {
	t.Helper()
	return startHalfHearted(t, "", time.Minute)
}

func startHalfHearted(t *testing.T, header string, wait time.Duration) string {
	t.Helper()
	return "http://" + rawtest.Serve(t, func(connection net.Conn, _ int) {
		header, wait := header, wait
		beginning := make([]byte, 4096)
		n, _ := connection.Read(beginning)
		if !strings.HasPrefix(string(beginning[:n]), http.MethodPost) { // from the check that Caddy is up
			header, wait = "Connection: close\r\n", 0
		}
		_, _ = io.WriteString(connection, "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n"+header+"\r\nearly")
		select {
		case <-time.After(wait):
		case <-t.Context().Done():
		}
	})
}

// A response in mid-upload, the gateway's or the upstream's, arrives as one and not
// as a connection that is reset.
func TestAResponseInMidUploadArrives(t *testing.T) {
	large := file("file", strings.Repeat("0123456789abcdef", 20<<16)) // 20 MiB
	tests := map[string]struct {
		upstream   string
		form, body string
		status     int
	}{
		"of the gateway": {startUpstream(t, swallow).URL, formOf(field("UPLOADCARE_PUB_KEY", "other"), large), "UPLOADCARE_PUB_KEY is invalid.", 403},
		"the upstream's": {halfHearted(t), formOf(key, large), "early", 413},
	}
	for name, test := range tests {
		d := newDemo(t)
		d.sandbox = strings.TrimPrefix(test.upstream, "http://")
		site := strings.SplitAfter(d.caddyfile("", ""), "}\n}\n")
		c := startCaddy(t, site[0]+site[1])
		d.awaitCertificate(t)
		for _, version := range []string{"HTTP/1.1", "HTTP/2.0", "HTTP/3.0"} {
			t.Run(name+"/"+version, func(t *testing.T) {
				response := do(t, client(t, version), newUpload(t, "https://"+d.secure+"/base/", strings.NewReader(test.form)))
				if body := readAll(t, response); response.StatusCode != test.status || body != test.body {
					t.Errorf("response %d %q", response.StatusCode, body)
				}
			})
		}
		// It sends all of its body before it looks for a response.
		for framing, head := range map[string]string{
			"with a length": fmt.Sprintf("Content-Length: %d\r\n\r\n", len(test.form)),
			"chunked":       fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n", len(test.form)),
		} {
			t.Run(name+"/a client that does not look/"+framing, func(t *testing.T) {
				connection, err := net.Dial("tcp", d.plain)
				if err != nil {
					t.Fatal(err)
				}
				defer connection.Close()
				_ = connection.SetDeadline(time.Now().Add(60 * time.Second))
				fmt.Fprintf(connection, "POST /base/ HTTP/1.1\r\nHost: %s\r\nContent-Type: multipart/form-data; boundary=%s\r\n%s", d.plain, boundary, head)
				if _, err := io.WriteString(connection, test.form); err != nil {
					t.Fatalf("while it sent: %v", err)
				}
				if framing == "chunked" {
					_, _ = io.WriteString(connection, "\r\n0\r\n\r\n")
				}
				response, err := http.ReadResponse(bufio.NewReader(connection), nil)
				if err != nil {
					t.Fatal(err)
				}
				if body := readAll(t, response); response.StatusCode != test.status || body != test.body {
					t.Errorf("response %d %q", response.StatusCode, body)
				}
			})
		}
		c.checkOutput()
	}
}

// Invariant 10, for small uploads: a response that comes while the client makes a
// pause arrives, and is not kept until the client goes on.
func TestInvariant10AnEarlyResponseIsNotKeptFromAClientThatPauses(t *testing.T) {
	form := formOf(key, file("file", strings.Repeat("x", 10<<10)))
	for name, upstream := range map[string]string{"hangs up": halfHearted(t), "waits on": halfHeartedThatWaits(t)} {
		d := newDemo(t)
		d.sandbox = strings.TrimPrefix(upstream, "http://")
		site := strings.SplitAfter(d.caddyfile("", ""), "}\n}\n")
		c := startCaddy(t, site[0]+site[1])
		d.awaitCertificate(t)
		for _, version := range []string{"HTTP/1.1", "HTTP/2.0", "HTTP/3.0"} {
			t.Run(name+"/"+version, func(t *testing.T) {
				body, writer := io.Pipe()
				goOn := make(chan struct{})
				go func() {
					_, _ = io.WriteString(writer, form[:len(form)/2])
					<-goOn
					_, _ = io.WriteString(writer, form[len(form)/2:])
					_ = writer.Close()
				}()
				request := newUpload(t, "https://"+d.secure+"/base/", body)
				request.ContentLength = int64(len(form))
				late := time.AfterFunc(20*time.Second, func() { close(goOn) })
				response := do(t, client(t, version), request)
				if body := readAll(t, response); response.StatusCode != http.StatusRequestEntityTooLarge || body != "early" {
					t.Errorf("response %d %q", response.StatusCode, body)
				}
				if late.Stop() {
					close(goOn)
				} else {
					t.Error("it was kept")
				}
			})
		}
		c.checkOutput()
	}
}

// A client that sends slowly, and does not look for a response until it has sent
// all, is not cut off for one that comes early, nor for an interim one.
func TestAnEarlyResponseDoesNotCutASlowClientOff(t *testing.T) {
	hinting := startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			_, _ = io.WriteString(w, "complete")
		}
	})
	form := formOf(key, file("file", strings.Repeat("x", 10<<10)))
	for upstream, want := range map[string]string{halfHeartedThatWaits(t): "413 early", hinting.URL: "200 complete"} {
		d := newDemo(t)
		d.sandbox = strings.TrimPrefix(upstream, "http://")
		site := strings.SplitAfter(d.caddyfile("", ""), "}\n}\n")
		startCaddy(t, site[0]+site[1])
		d.awaitCertificate(t)
		connection, err := net.Dial("tcp", d.plain)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		_ = connection.SetDeadline(time.Now().Add(60 * time.Second))
		fmt.Fprintf(connection, "POST /base/ HTTP/1.1\r\nHost: %s\r\nContent-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n", d.plain, boundary, len(form))
		for sent := 0; sent < len(form); sent += 1000 {
			time.Sleep(200 * time.Millisecond)
			if _, err := io.WriteString(connection, form[sent:min(sent+1000, len(form))]); err != nil {
				t.Fatalf("%s: after %d bytes: %v", want, sent, err)
			}
		}
		if got := finalResponse(t, bufio.NewReader(connection)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// finalResponse returns the status and the body of the response after interim ones.
func finalResponse(t *testing.T, reader *bufio.Reader) string {
	t.Helper()
	for {
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode >= http.StatusOK {
			return fmt.Sprint(response.StatusCode, " ", readAll(t, response))
		}
	}
}

// swallow is an upstream that reads all of a body before it responds.
func swallow(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
}

// accept is one that takes what it is sent: an empty success is none.
func accept(w http.ResponseWriter, r *http.Request) {
	swallow(w, r)
	_, _ = io.WriteString(w, "{}")
}

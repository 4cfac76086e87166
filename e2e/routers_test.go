// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// ownSignature is one that a client has, and that may be valid.
const ownSignature = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// uploadForm is an upload's body, with a credential of the client's.
const uploadForm = "--b\r\nContent-Disposition: form-data; name=\"UPLOADCARE_PUB_KEY\"\r\n\r\n" + publicKey + "\r\n" +
	"--b\r\nContent-Disposition: form-data; name=\"signature\"\r\n\r\n" + ownSignature + "\r\n" +
	"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nmeow\r\n--b--\r\n"

// aSignature is a field with one.
var aSignature = regexp.MustCompile(`name="signature"\r\n\r\n([0-9a-f]{64})\r\n`)

// exchange sends a request of which no library has seen the target, and returns the
// response's status and body.
func exchange(t *testing.T, address, target, body string) (int, string) {
	t.Helper()
	connection, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
	head := "POST " + target + " HTTP/1.1\r\nHost: " + address + "\r\nConnection: close\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n"
	if body != "" {
		head += "Content-Type: multipart/form-data; boundary=b\r\n"
	}
	if _, err := io.WriteString(connection, head+"\r\n"+body); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatalf("%s, %q: %v", address, target, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// leaving is a request as it left the gateway.
type leaving struct {
	target string
	signed bool // by the gateway
	own    bool // with the client's own signature
}

// targets is an upstream that notes the targets of requests as they are written.
type targets struct {
	address string
	mu      sync.Mutex
	last    *leaving
}

func startTargets(t *testing.T) *targets {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	u := &targets{address: listener.Addr().String()}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go u.serve(connection)
		}
	}()
	return u
}

// serve responds to one request; its reader may have read ahead, so the connection ends.
// net/http, which would refuse some targets, reads it with another one.
func (u *targets) serve(connection net.Conn) {
	defer connection.Close()
	reader := bufio.NewReader(connection)
	line, err := reader.ReadString('\n')
	if err != nil {
		return
	}
	target := strings.TrimSuffix(strings.TrimPrefix(line, "POST "), " HTTP/1.1\r\n")
	request, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader("POST / HTTP/1.1\r\n"), reader)))
	if err != nil {
		return
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	last := &leaving{target: target, own: bytes.Contains(body, []byte(ownSignature))}
	for _, signature := range aSignature.FindAllSubmatch(body, -1) {
		last.signed = last.signed || string(signature[1]) != ownSignature
	}
	u.mu.Lock()
	u.last = last
	u.mu.Unlock()
	_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
}

// take returns the last request, once.
func (u *targets) take() *leaving {
	u.mu.Lock()
	defer u.mu.Unlock()
	last := u.last
	u.last = nil
	return last
}

// router is a server that responds with the endpoint to which it routes a request.
type router struct{ name, address string }

func namesOf(routers []router) (names []string) {
	for _, r := range routers {
		names = append(names, r.name)
	}
	return names
}

// take returns which endpoint the server takes what left for. A server may take what passes
// unsigned for anything; what was signed, for the endpoint that it left for.
func (r router) take(t *testing.T, sent string, left *leaving) string {
	t.Helper()
	if left == nil {
		return "–"
	}
	status, text := exchange(t, r.address, left.target, "")
	switch {
	case left.signed && (status != http.StatusOK || text != left.target && !strings.HasPrefix(left.target, text+"?")):
		t.Errorf("%s, %q: what was signed for %q goes to %d %q", r.name, sent, left.target, status, text)
		fallthrough
	case status != http.StatusOK:
		return fmt.Sprint(status)
	}
	return code(text)
}

// startRouters starts nginx, Django and Rack with the service's endpoints.
func startRouters(t *testing.T) []router {
	t.Helper()
	exact, prefix, django, rack := freeAddress(t), freeAddress(t), freeAddress(t), freeAddress(t)
	directory := t.TempDir()
	config, err := os.ReadFile("routers/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	written := strings.NewReplacer("DIRECTORY", directory, "EXACT", exact, "PREFIX", prefix).Replace(string(config))
	file := filepath.Join(directory, "nginx.conf")
	if err := os.WriteFile(file, []byte(written), 0o600); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(django)
	startRouter(t, exact, "/usr/sbin/nginx", "-e", "stderr", "-p", directory, "-c", file)
	startRouter(t, django, "/usr/bin/python3", "routers/django_site.py", port)
	startRouter(t, rack, "puma", "--quiet", "--no-config", "--threads", "1:2", "--environment", "production", "--bind", "tcp://"+rack, "routers/config.ru")
	return []router{{"nginx, `=`", exact}, {"nginx, prefix", prefix}, {"Django", django}, {"Rack", rack}}
}

// startRouter starts a server, and waits until it listens.
func startRouter(t *testing.T, address, program string, arguments ...string) {
	t.Helper()
	var output bytes.Buffer
	command := exec.Command(program, arguments...)
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatalf("%v (Debian's package is in .ci/run)", err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt) // nginx ends its workers then
		_ = command.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", program, &output)
		}
	})
	within(t, time.Minute, program+" listens", func() bool {
		connection, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	})
}

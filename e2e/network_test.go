// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	anybody = 65532 // a user that is not on the machine

	// withoutPrivileges is a gateway at an address, and the sandbox behind it.
	withoutPrivileges = `{
	admin [::1]:2019
	persist_config off
}
%s {
	%s
	uploadcare {
		project demopublickey {
			secret_key demosecretkey
			callers anyone
		}
		upstream http://[::1]:8081
	}
}
http://:8081 {
	bind [::1]
	uploadcare_sandbox
}
`
)

// unprivileged is the binary, run by a user that is not root.
type unprivileged struct {
	binary, config string
	command        *exec.Cmd
	output         bytes.Buffer
	exited         chan struct{}
}

// startUnprivileged runs the binary with no capabilities but the given ones, and without a
// HOME, in a directory that the user may write to.
func startUnprivileged(t *testing.T, caddyfile string, capabilities ...uintptr) *unprivileged {
	t.Helper()
	home, err := os.MkdirTemp("", "") // t.TempDir is for root alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	binary, err := os.ReadFile(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	p := &unprivileged{binary: filepath.Join(home, "caddy.bin"), config: filepath.Join(home, "Caddyfile"), exited: make(chan struct{})}
	for path, content := range map[string][]byte{p.binary: binary, p.config: []byte(caddyfile)} {
		if err := os.WriteFile(path, content, 0o755); err != nil { //nolint:gosec // another user runs it
			t.Fatal(err)
		}
	}
	if err := os.Chown(home, anybody, anybody); err != nil {
		t.Fatal(err)
	}
	p.command = exec.CommandContext(t.Context(), p.binary, "run", "--config", p.config)
	p.command.Dir, p.command.Env = home, []string{}
	p.command.Stdout, p.command.Stderr = &p.output, &p.output
	p.command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: anybody, Gid: anybody}, AmbientCaps: capabilities}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.command.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.command.Process.Kill()
		<-p.exited
		if t.Failed() {
			t.Logf("output:\n%s", &p.output)
		}
	})
	return p
}

// uploadBy uploads to an address, as soon as something listens there.
func (p *unprivileged) uploadBy(t *testing.T, address string) {
	t.Helper()
	form := "--b\r\nContent-Disposition: form-data; name=\"UPLOADCARE_PUB_KEY\"\r\n\r\ndemopublickey\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n"
	var err error
	for range 500 {
		var response *http.Response
		response, err = http.Post("http://"+address+"/base/", "multipart/form-data; boundary=b", strings.NewReader(form))
		if err == nil {
			var body bytes.Buffer
			_, _ = body.ReadFrom(response.Body)
			_ = response.Body.Close()
			if !strings.HasPrefix(body.String(), `{"file":"`) {
				t.Errorf("%s: response %d %s", address, response.StatusCode, &body)
			}
			return
		}
		select {
		case <-p.exited:
			t.Fatal("the binary exited")
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatalf("the binary does not serve: %v", err)
}

// On a machine that has no IPv4 at all, not even on loopback, the gateway and its commands
// do all the same. Without `tcp6`, Go would listen there for IPv4 alone.
func TestAMachineWithoutIPv4(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	withoutIPv4(t)
	if _, err := net.Listen("tcp4", "127.0.0.1:0"); err == nil {
		t.Fatal("there is IPv4")
	}
	p := startUnprivileged(t, fmt.Sprintf(withoutPrivileges, "http://:8080", "bind tcp6/[::]"))
	p.uploadBy(t, "[::1]:8080")
	for _, arguments := range []string{"health --address [::1]:2019", "status --config " + p.config, "check --config " + p.config} {
		output, err := exec.CommandContext(t.Context(), p.binary, append([]string{"uploadcare"}, strings.Fields(arguments)...)...).CombinedOutput()
		if err != nil || bytes.Contains(output, []byte("failed")) {
			t.Errorf("%s: %v\n%s", arguments, err, output)
		}
	}
}

// Ports below 1024 are for root, for a process with one capability, or, as container
// engines set it, for all.
func TestPortsBelow1024WithoutRoot(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	caddyfile := fmt.Sprintf(withoutPrivileges, "http://:80", "")
	t.Run("with the capability", func(t *testing.T) {
		p := startUnprivileged(t, caddyfile, unix.CAP_NET_BIND_SERVICE)
		p.uploadBy(t, "127.0.0.1:80")
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{"CapPrm:\t0000000000000400", fmt.Sprintf("Uid:\t%d\t%[1]d\t%[1]d\t%[1]d", anybody)} {
			if !strings.Contains(string(status), line+"\n") {
				t.Errorf("there is no %q in\n%s", line, status)
			}
		}
	})
	t.Run("without it", func(t *testing.T) {
		p := startUnprivileged(t, caddyfile)
		select {
		case <-p.exited:
		case <-time.After(time.Minute):
			t.Fatal("it runs")
		}
		if !strings.Contains(p.output.String(), "bind: permission denied") {
			t.Errorf("got %s", &p.output)
		}
	})
	t.Run("where it takes none", func(t *testing.T) {
		if err := os.WriteFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", []byte("0"), 0); err != nil {
			t.Fatal(err)
		}
		startUnprivileged(t, caddyfile).uploadBy(t, "127.0.0.1:80")
	})
}

// SPDX-License-Identifier: Apache-2.0

//go:build e2e

// Package e2e checks the binary as it is shipped. It is not part of
// `go test ./...`:
//
//	go test -tags e2e ./e2e -v
//
// CADDY names the binary to check; without it, ./cmd/caddy is built.
package e2e

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

// process is the binary under test.
type process struct {
	t      *testing.T
	binary string
	pid    int
	admin  string
}

// binary returns the path of the binary under test.
func binary(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("CADDY"); named != "" {
		return named
	}
	built := filepath.Join(t.TempDir(), "caddy")
	if output, err := exec.Command("go", "build", "-o", built, "../cmd/caddy").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, output)
	}
	return built
}

// start runs the binary with a Caddyfile, and global options besides the test's.
func start(t *testing.T, caddyfile string, options ...string) *process {
	t.Helper()
	home, admin := t.TempDir(), freeAddress(t)
	config := filepath.Join(home, "Caddyfile")
	options = append(options, "admin "+admin, "persist_config off", "skip_install_trust", "auto_https disable_redirects")
	if err := os.WriteFile(config, []byte("{\n\t"+strings.Join(options, "\n\t")+"\n}\n"+caddyfile), 0o600); err != nil {
		t.Fatal(err)
	}
	named := binary(t)
	command := exec.Command(named, "run", "--config", config)
	command.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Logf("output:\n%s", &output)
		}
	})
	p := &process{t, named, command.Process.Pid, admin}
	for range 500 {
		if response, err := http.Get("http://" + admin + "/config/"); err == nil {
			_ = response.Body.Close()
			return p
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the binary does not serve")
	return nil
}

func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := loopback.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", port)
}

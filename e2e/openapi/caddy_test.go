// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func environment(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s is not set", name)
	}
	return value
}

// sandboxes are base URLs.
type sandboxes struct {
	ample     string // fetches from anywhere
	small     string // takes little, and fetches from the public only
	throttled string // throttles all requests
}

// startCaddy runs the binary with three sandboxes.
func startCaddy(t *testing.T) sandboxes {
	t.Helper()
	home := t.TempDir()
	var config strings.Builder
	var ports []io.Closer // held until all have been found: none is another's
	config.WriteString("{\n\tadmin off\n\tpersist_config off\n}\n")
	site := func(root string, options ...string) string {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, listener)
		address := "http://" + listener.Addr().String()
		config.WriteString(address + " {\n\tbind 127.0.0.1\n\tuploadcare_sandbox {\n\t\troot " + filepath.Join(home, root) + "\n\t\t" +
			strings.Join(options, "\n\t\t") + "\n\t}\n}\n")
		return address
	}
	at := sandboxes{
		ample:     site("ample", "allow_private_sources"),
		small:     site("small", "request_limit 4KiB", "storage_limit 60B", "multipart_limit 20MiB"),
		throttled: site("throttled", "throttle_every 1"),
	}
	for _, port := range ports {
		_ = port.Close()
	}
	file := filepath.Join(home, "Caddyfile")
	if err := os.WriteFile(file, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(environment(t, "CADDY"), "run", "--config", file)
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
	for range 500 {
		if response, err := http.Get(at.throttled + "/info/"); err == nil {
			_ = response.Body.Close()
			return at
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the binary does not serve")
	return at
}

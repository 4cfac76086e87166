// SPDX-License-Identifier: Apache-2.0

// Command h2spec runs h2spec (https://github.com/summerwind/h2spec) against the gateway, the
// gateway with http2_windows off, and stock reverse_proxy, in one Caddy, and prints what
// passed and failed as a table:
//
//	go build ./cmd/caddy && go -C e2e/h2spec run . -caddy "$PWD/caddy" >report
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"
)

const (
	// timeout is for how long a frame is waited for.
	timeout = 5 * time.Second
	// maxHeaderLength is that of h2spec's own command.
	maxHeaderLength = 4000
	// startTimeout is how long Caddy may take until it can be connected to.
	startTimeout = 30 * time.Second
)

// sites are what is compared, by the directives of each, of which one has the upstream.
var sites = []struct{ name, directives string }{
	{"stock `reverse_proxy`", "reverse_proxy %s"},
	{"`uploadcare` with `http2_windows off`", "uploadcare {\n\t\tproject demopublickey {\n\t\t\tsecret_key demosecretkey\n\t\t}\n\t\tupstream %s\n\t\thttp2_windows off\n\t}"},
	{"`uploadcare`", "uploadcare {\n\t\tproject demopublickey {\n\t\t\tsecret_key demosecretkey\n\t\t}\n\t\tupstream %s\n\t}"},
}

// paths are one that passes unsigned, and one that is signed.
var paths = []string{"/", "/base/"}

func main() {
	caddy := flag.String("caddy", "caddy", "the Caddy to try")
	flag.Parse()
	if err := run(*caddy); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run prints what h2spec says, and then the table.
func run(caddy string) error {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(strings.Repeat("a", 30)))
	}))
	defer upstream.Close()
	ports, stop, err := start(caddy, upstream.URL)
	if err != nil {
		return err
	}
	defer stop()
	var table strings.Builder
	fmt.Fprintf(&table, "| | %s |\n|---|---|---|\n", strings.Join(paths, " | "))
	for i, site := range sites {
		fmt.Fprintf(&table, "| %s |", site.name)
		for _, path := range paths {
			fmt.Printf("\n===== %s, %s\n", site.name, path)
			passed, failed := try(ports[i], path)
			fmt.Fprintf(&table, " %d passed, %d failed |", passed, failed)
		}
		fmt.Fprintln(&table)
	}
	fmt.Print("\n", table.String())
	return nil
}

// try runs all specifications against a port. Their results are on the standard output.
func try(port int, path string) (passed, failed int) {
	options := &config.Config{
		Host: "127.0.0.1", Port: port, Path: path, TLS: true, Insecure: true, Timeout: timeout, MaxHeaderLen: maxHeaderLength,
	}
	for _, group := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
		group.Test(options)
		passed += group.PassedCount
		failed += group.FailedCount
	}
	return passed, failed
}

// start starts a Caddy with a site on a port of its own for each of sites.
func start(caddy, upstream string) (ports []int, stop func(), err error) {
	directory, err := os.MkdirTemp("", "h2spec")
	if err != nil {
		return nil, nil, err
	}
	var text strings.Builder
	text.WriteString("{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n")
	for _, site := range sites {
		port, err := freePort()
		if err != nil {
			return nil, nil, err
		}
		ports = append(ports, port)
		fmt.Fprintf(&text, "https://127.0.0.1:%d {\n\ttls internal\n\t%s\n}\n", port, fmt.Sprintf(site.directives, upstream))
	}
	file := filepath.Join(directory, "Caddyfile")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return nil, nil, err
	}
	command := exec.Command(caddy, "run", "--config", file)
	command.Env = append(os.Environ(), "XDG_DATA_HOME="+directory, "XDG_CONFIG_HOME="+directory)
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		return nil, nil, err
	}
	stop = func() {
		_ = command.Process.Signal(os.Interrupt)
		_ = command.Wait()
		_ = os.RemoveAll(directory)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for _, port := range ports {
		if err := await(ctx, port); err != nil {
			stop()
			return nil, nil, err
		}
	}
	return ports, stop, nil
}

// freePort returns a port on which nothing listens.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// await waits until Caddy listens on a port, and has a certificate for it.
func await(ctx context.Context, port int) error {
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // Caddy has just made it
	for {
		connection, err := dialer.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return connection.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("port %d: %w", port, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

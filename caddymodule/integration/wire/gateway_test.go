// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
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

// gateway is a site of Caddy's, with an upstream of its own.
type gateway struct {
	name     string // as in the names of canaries
	address  string
	upstream *upstream
}

// The two gateways of a lane, by the first letters of their canaries.
const (
	oursName  = "o"
	stockName = "s"
)

// lane is a pair of gateways, to which each case is sent at the same time. A case has a lane
// to itself; lanes are there so that cases which wait do so side by side.
type lane struct{ ours, stock *gateway }

// site returns the Caddyfile of a lane's gateways.
type site func(l *lane) string

// plain is how both are used most: over HTTP, to an upstream without TLS.
func plain(l *lane) string {
	return fmt.Sprintf("http://:%s {\n\tbind 127.0.0.1\n\tuploadcare {\n\t\t%s\n\t\tupstream http://%s\n\t}\n}\n", port(l.ours.address), project, l.ours.upstream.address) +
		fmt.Sprintf("http://:%s {\n\tbind 127.0.0.1\n\treverse_proxy %s\n}\n", port(l.stock.address), l.stock.upstream.address)
}

// overTLS is the same with upstreams that have TLS.
func overTLS(l *lane) string {
	return fmt.Sprintf("http://:%s {\n\tbind 127.0.0.1\n\tuploadcare {\n\t\t%s\n\t\tupstream https://%s\n\t\ttransport uploadcare {\n\t\t\ttls_insecure_skip_verify\n\t\t}\n\t}\n}\n", port(l.ours.address), project, l.ours.upstream.address) +
		fmt.Sprintf("http://:%s {\n\tbind 127.0.0.1\n\treverse_proxy https://%s {\n\t\ttransport http {\n\t\t\ttls_insecure_skip_verify\n\t\t\tversions 1.1\n\t\t}\n\t}\n}\n", port(l.stock.address), l.stock.upstream.address)
}

const project = "project demopublickey {\n\t\t\tsecret_key demosecretkey\n\t\t\tcallers anyone\n\t\t}"

func port(address string) string { return address[strings.LastIndex(address, ":")+1:] }

// startLanes runs one Caddy with lanes. Their upstreams are started by start.
func startLanes(t *testing.T, count int, write site, start func() *upstream) chan *lane {
	t.Helper()
	lanes := make(chan *lane, count)
	var caddyfile strings.Builder
	for range count {
		l := &lane{
			ours:  &gateway{oursName, freeAddress(t), start()},
			stock: &gateway{stockName, freeAddress(t), start()},
		}
		caddyfile.WriteString(write(l))
		lanes <- l
	}
	startCaddy(t, caddyfile.String())
	return lanes
}

// startCaddy runs this binary as Caddy until the test ends, and checks what it has logged.
func startCaddy(t *testing.T, caddyfile string) {
	t.Helper()
	home, admin := t.TempDir(), freeAddress(t)
	config, logged := filepath.Join(home, "Caddyfile"), filepath.Join(home, "log")
	options := "{\n\tadmin " + admin + "\n\tskip_install_trust\n\tpersist_config off\n\tauto_https disable_redirects\n}\n"
	if err := os.WriteFile(config, []byte(options+caddyfile), 0o600); err != nil {
		t.Fatal(err)
	}
	output, err := os.Create(logged)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), os.Args[0], "run", "--config", config)
	command.Env = append(os.Environ(), runAsCaddy+"=1", "HOME="+home, "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home)
	command.Stdout, command.Stderr = output, output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		_ = output.Close()
		text, err := os.ReadFile(logged)
		if err != nil {
			t.Fatal(err)
		}
		checkLog(t, string(text))
	})
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if response, err := http.Get("http://" + admin + "/config/"); err == nil {
			_ = response.Body.Close()
			return
		}
	}
	text, _ := os.ReadFile(logged)
	t.Fatalf("Caddy does not serve:\n%s", text)
}

// checkLog looks for what is a fault of our gateway's in what Caddy has logged. Stock
// panics over a status such as 020, in which there is nothing of ours.
func checkLog(t *testing.T, text string) {
	t.Helper()
	for line := range strings.SplitSeq(text, "\n") {
		if (strings.Contains(line, "panic serving") || strings.Contains(line, "superfluous")) && strings.Contains(line, "caddymodule/") {
			t.Errorf("Caddy has logged: %s", line)
		}
	}
	if at := strings.Index(text, "DATA RACE"); at >= 0 {
		t.Errorf("Caddy has a race: %.4000s", text[at:])
	}
}

// freeAddress returns an address on loopback on which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := loopback.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

// caddyProcess is a Caddy that runs for one test.
type caddyProcess struct {
	t         *testing.T
	command   *exec.Cmd
	directory string // its home, with its Caddyfile
	homeless  bool   // has no HOME in its environment, nor anything else
	admin     string // address of the admin API
	output    output
	exited    chan struct{}
}

// startCaddy runs Caddy with a Caddyfile, to which it adds the global options
// that keep tests apart, and waits until it serves.
func startCaddy(t *testing.T, caddyfile string, environment ...string) *caddyProcess {
	t.Helper()
	c := newCaddy(t)
	c.write(caddyfile)
	c.start(c.path(), environment...)
	return c
}

// newCaddy returns a Caddy that has a home and does not run yet.
func newCaddy(t *testing.T) *caddyProcess {
	t.Helper()
	return &caddyProcess{t: t, directory: t.TempDir(), admin: freeAddress(t), exited: make(chan struct{})}
}

// start runs Caddy with a file of config, and waits until it serves.
func (c *caddyProcess) start(config string, environment ...string) {
	c.t.Helper()
	t := c.t
	c.command = c.run(t.Context(), environment, "run", "--config", config)
	written, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = written.Close() })
	c.output = output(written.Name())
	c.command.Stdout, c.command.Stderr = written, written
	if err := c.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = c.command.Wait()
		close(c.exited)
	}()
	t.Cleanup(func() {
		_ = c.command.Process.Kill()
		<-c.exited
		for _, race := range racesIn(c.output.String()) {
			t.Errorf("Caddy has a race:\n%s", race)
		}
		if t.Failed() {
			t.Logf("Caddy's output:\n%s", c.output)
		}
	})
	eventually(t, "Caddy serves", func() bool {
		select {
		case <-c.exited:
			t.Fatalf("Caddy exited:\n%s", c.output)
		default:
		}
		response, err := http.Get("http://" + c.admin + "/config/")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

// caddysRaces are Caddy's own (v2.11.9): with HTTP/2 to the upstream, a body that is closed
// while it is read; and the bytes of an upgraded connection, which are counted while they
// are copied, and when a stop closes it.
var caddysRaces = []string{"bodyNopCloserIfNotRead", "caddyhttp.(*hijackedConn)"}

// racesIn returns what the race detector reported in a process.
func racesIn(output string) (races []string) {
	const begin, end = "WARNING: DATA RACE", "=================="
	for rest := output; ; {
		_, after, found := strings.Cut(rest, begin)
		if !found {
			return races
		}
		var race string
		race, rest, _ = strings.Cut(after, end)
		if !slices.ContainsFunc(caddysRaces, func(known string) bool { return strings.Contains(race, known) }) {
			races = append(races, race)
		}
	}
}

// checkOutput looks for a panic, and for a second header of one response.
func (c *caddyProcess) checkOutput() {
	c.t.Helper()
	if text := c.output.String(); strings.Contains(text, "panic") || strings.Contains(text, "superfluous") {
		c.t.Errorf("output:\n%s", text)
	}
}

func (c *caddyProcess) path() string { return filepath.Join(c.directory, "Caddyfile") }

func (c *caddyProcess) write(caddyfile string) {
	c.t.Helper()
	global := "{\n\tadmin " + c.admin + "\n\tskip_install_trust\n\tlocal_certs\n\tpersist_config off\n\tdebug\n"
	if snippets, options, ok := strings.Cut("\n"+caddyfile, "\n{\n"); ok { // it has some itself
		caddyfile = snippets + "\n" + global + options
	} else {
		caddyfile = global + "}\n" + caddyfile
	}
	if err := os.WriteFile(c.path(), []byte(caddyfile), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// run returns a Caddy command.
func (c *caddyProcess) run(ctx context.Context, environment []string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, os.Args[0], arguments...)
	command.Dir = c.directory
	command.Env = slices.Concat(environment, []string{runAsCaddy + "=1"})
	if !c.homeless {
		command.Env = append(append(os.Environ(), command.Env...), "HOME="+c.directory,
			"XDG_DATA_HOME="+c.directory+"/data", "XDG_CONFIG_HOME="+c.directory+"/config")
	}
	return command
}

// reload is `caddy reload` with another Caddyfile.
func (c *caddyProcess) reload(caddyfile string) {
	c.t.Helper()
	c.write(caddyfile)
	if output, err := c.run(c.t.Context(), nil, "reload", "--force", "--config", c.path()).CombinedOutput(); err != nil {
		c.t.Fatalf("reload: %v\n%s", err, output)
	}
	http.DefaultClient.CloseIdleConnections() // before the old server does, in the middle of a request
	awaitOneListener()
}

// awaitOneListener waits until no address has two listeners, which share it during a reload.
// Caddy closes the old one a moment after the reload has ended, and Linux resets connections
// that it has not accepted by then. Another program may have two for good.
func awaitOneListener() {
	for range 500 {
		if !isListenedOnTwice() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func isListenedOnTwice() bool {
	seen := make(map[string]bool)
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		table, err := os.ReadFile(file)
		if err != nil { // another system, or one without IPv6
			continue
		}
		for line := range strings.Lines(string(table)) {
			const local, state, listening = 1, 3, "0A"
			fields := strings.Fields(line)
			if len(fields) <= state || fields[state] != listening {
				continue
			}
			if seen[fields[local]] {
				return true
			}
			seen[fields[local]] = true
		}
	}
	return false
}

// terminate asks Caddy to stop, as a service manager does.
func (c *caddyProcess) terminate() {
	c.t.Helper()
	if err := c.command.Process.Signal(syscall.SIGTERM); err != nil {
		c.t.Fatal(err)
	}
}

// get returns what the admin API responds.
func (c *caddyProcess) get(path string) string {
	c.t.Helper()
	response, err := http.Get("http://" + c.admin + path)
	if err != nil {
		c.t.Fatal(err)
	}
	return readAll(c.t, response)
}

// output is the file that a process writes its output to: what it said before it
// responded is there when the response comes.
type output string

func (o output) String() string {
	text, err := os.ReadFile(string(o))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// freeAddress returns an address on loopback on which nothing listens, over TCP
// or UDP.
func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := loopback.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// eventually waits until condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatalf("gave up waiting: %s", what)
}

// receive returns what comes next from a channel. Of one that is closed, it waits for that.
func receive[T any](t *testing.T, what string, from <-chan T) (received T) {
	t.Helper()
	select {
	case received = <-from:
	case <-time.After(60 * time.Second):
		t.Fatalf("gave up waiting: %s", what)
	}
	return received
}

// exits waits until a Caddy that was asked to stop has done so.
func exits(t *testing.T, c *caddyProcess) {
	t.Helper()
	receive(t, "Caddy exits", c.exited)
}

// start runs Caddy with the configuration and waits for its certificate.
func (d demo) start(t *testing.T, gateway, sandbox string) *caddyProcess {
	t.Helper()
	c := startCaddy(t, d.caddyfile(gateway, sandbox))
	d.awaitCertificate(t)
	return c
}

func (d demo) awaitCertificate(t *testing.T) {
	t.Helper()
	eventually(t, "there is a certificate", func() bool {
		response, err := client(t, "HTTP/1.1").Get("https://" + d.secure + "/info/")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return true
	})
}

// demo is the configuration of most tests: a gateway over TLS, one without, and
// the sandbox.
type demo struct {
	secure, plain, sandbox string // addresses
}

func newDemo(t *testing.T) demo {
	t.Helper()
	_, port, _ := strings.Cut(freeAddress(t), ":")
	return demo{secure: "localhost:" + port, plain: freeAddress(t), sandbox: freeAddress(t)}
}

// caddyfile returns the Caddyfile with options added to the gateways' block and
// to the sandbox's.
func (d demo) caddyfile(gateway, sandbox string) string {
	return d.gateways(gateway) + fmt.Sprintf("http://%s {\n\tbind 127.0.0.1\n\tuploadcare_sandbox {\n\t\t%s\n\t}\n}\n", d.sandbox, sandbox)
}

// gateways returns the Caddyfile without the sandbox.
func (d demo) gateways(options string) string {
	const site = `%s {
	bind 127.0.0.1
	uploadcare {
		project demopublickey {
			secret_key demosecretkey
			%s
		}
		upstream http://%s
	}
}
`
	return fmt.Sprintf(site, "https://"+d.secure, options, d.sandbox) + fmt.Sprintf(site, "http://"+d.plain, options, d.sandbox)
}

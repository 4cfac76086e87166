// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// backEnd is an application of the user's that signs, on Express.
type backEnd struct {
	t           *testing.T
	address     string
	directory   string
	environment []string
	command     *exec.Cmd
	output      bytes.Buffer
}

const appKey = "key-of-the-application"

// startBackEnd installs and starts one.
func startBackEnd(t *testing.T, environment ...string) *backEnd {
	t.Helper()
	need(t, "nodejs (20 or newer)", "node", "-e", "process.exit(process.versions.node.split('.')[0] >= 20 ? 0 : 1)")
	need(t, "npm", "npm", "--version")
	b := &backEnd{t: t, address: freeAddress(t), directory: t.TempDir()}
	if err := os.CopyFS(b.directory, os.DirFS("clients/express")); err != nil {
		t.Fatal(err)
	}
	run(t, nil, "npm", "ci", "--prefix", b.directory, "--loglevel=error")
	_, port, _ := strings.Cut(b.address, ":")
	b.environment = append([]string{"PORT=" + port, "PROJECT_SECRET=demosecretkey", "APP_KEY=" + appKey}, environment...)
	b.start()
	t.Cleanup(func() {
		b.stop()
		if t.Failed() {
			t.Logf("the back end's output:\n%s", &b.output)
		}
	})
	return b
}

func (b *backEnd) start() {
	b.t.Helper()
	b.command = exec.Command("node", filepath.Join(b.directory, "server.js"))
	b.command.Env = append(os.Environ(), b.environment...)
	b.command.Stdout, b.command.Stderr = &b.output, &b.output
	if err := b.command.Start(); err != nil {
		b.t.Fatal(err)
	}
	for range 500 {
		if response, err := http.Get("http://" + b.address + "/calls"); err == nil {
			_ = response.Body.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.t.Fatal("the back end does not serve")
}

// stop ends the process. It may be called more than once.
func (b *backEnd) stop() {
	_ = b.command.Process.Kill()
	_ = b.command.Wait()
}

// calls returns how often the running process was asked for a signature.
func (b *backEnd) calls() int {
	b.t.Helper()
	_, response := get(b.t, "http://"+b.address+"/calls")
	var calls int
	parse(b.t, string(response), &calls)
	return calls
}

// startSiteWith runs the gateway with a back end as its source, and the sandbox.
func startSiteWith(t *testing.T, b *backEnd, header, options string) *site {
	t.Helper()
	s := &site{host: freeAddress(t)}
	sandbox := freeAddress(t)
	s.gateway, s.sandbox = "http://"+s.host, "http://"+sandbox
	resolver := "resolver http://" + b.address + "/api/uploadcare-signature {\n\t\t\theader Authorization \"" + header + "\"\n\t\t}\n\t\t" + options
	s.process = start(t, strings.Replace(gateway(s.host, s.sandbox), "secret_key demosecretkey", resolver, 1)+sandboxSite(sandbox))
	return s
}

// send uploads a file with curl, with further arguments.
func (s *site) send(t *testing.T, sent sentFile, further ...string) (status int, response string) {
	t.Helper()
	return curl(t, append(further, "-F", "UPLOADCARE_PUB_KEY="+publicKey, "-F", "file=@"+sent.path, s.gateway+"/base/")...)
}

// A back end that signs for its own pages signs for the gateway, too, and gets one request
// for all uploads.
func TestExpressBackEndSigns(t *testing.T) {
	for shape, environment := range map[string]string{"secureSignature and secureExpire": "", "signature and expire": "SHORT_NAMES=1"} {
		t.Run(shape, func(t *testing.T) {
			b, sent := startBackEnd(t, environment), newFile(t, 1000)
			s := startSiteWith(t, b, "Bearer "+appKey, "")
			var uploads sync.WaitGroup
			for range 10 {
				uploads.Go(func() {
					if status, response := s.send(t, sent); status != http.StatusOK {
						t.Errorf("%d %s", status, response)
					} else {
						s.checkStored(t, uuidOf(t, response), sent)
					}
				})
			}
			uploads.Wait()
			if calls := b.calls(); calls != 1 {
				t.Errorf("%d calls", calls)
			}
		})
	}
}

// While the back end is down, uploads go on with the cached token. When it is back, the
// gateway requests the next one.
func TestExpressBackEndRestartsWithoutAFailedUpload(t *testing.T) {
	b, sent := startBackEnd(t, "LIFETIME=40"), newFile(t, 1000)
	s := startSiteWith(t, b, "Bearer "+appKey, "threshold 38s") // within two seconds another is asked for
	began := time.Now()
	// upload uploads again and again until a condition holds.
	upload := func(what string, condition func() bool) {
		t.Helper()
		for time.Since(began) < 38*time.Second {
			if status, response := s.send(t, sent); status != http.StatusOK {
				t.Fatalf("%s: %d %s", what, status, response)
			}
			if condition() {
				return
			}
		}
		t.Fatalf("%s: the token's life is over", what)
	}
	upload("before", func() bool { return b.calls() > 0 })
	b.stop()
	away := time.Now()
	upload("away", func() bool { return time.Since(away) > 4*time.Second })
	b.start()
	if calls := b.calls(); calls != 0 {
		t.Fatalf("%d calls at the start", calls)
	}
	upload("back", func() bool { return b.calls() > 0 })
}

// The client learns from the gateway what the back end has responded: refused, or not now.
func TestExpressBackEndRefuses(t *testing.T) {
	b, sent := startBackEnd(t, ""), newFile(t, 1000)
	for name, test := range map[string]struct {
		header  string   // that the gateway sends
		client  []string // what the client adds
		status  int
		message string
	}{
		"a gateway with another key": {"Bearer another", nil, http.StatusForbidden, "Uploads are not allowed."},
		"a client without a key":     {"{http.request.header.Authorization}", nil, http.StatusForbidden, "Uploads are not allowed."},
		"a client with another key":  {"{http.request.header.Authorization}", []string{"-H", "Authorization: Bearer another"}, http.StatusForbidden, "Uploads are not allowed."},
		"a client with the key":      {"{http.request.header.Authorization}", []string{"-H", "Authorization: Bearer " + appKey}, http.StatusOK, `{"file":`},
	} {
		t.Run(name, func(t *testing.T) {
			s := startSiteWith(t, b, test.header, "")
			if status, response := s.send(t, sent, test.client...); status != test.status || !strings.Contains(response, test.message) {
				t.Errorf("%d %s", status, response)
			}
		})
	}
	b.stop()
	s := startSiteWith(t, b, "Bearer "+appKey, "")
	if status, response := s.send(t, sent, "-i"); status != http.StatusServiceUnavailable || !strings.Contains(response, "\nRetry-After: ") {
		t.Errorf("away: %d %s", status, response)
	}
}

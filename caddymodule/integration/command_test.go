// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// uploadcare runs `caddy uploadcare` with arguments, beside a Caddy that runs.
func (c *caddyProcess) uploadcare(arguments ...string) (output string, code int) {
	c.t.Helper()
	command := c.run(c.t.Context(), nil, append([]string{"uploadcare"}, arguments...)...)
	written, err := command.CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		code = failed.ExitCode()
	} else if err != nil {
		c.t.Fatal(err)
	}
	return string(written), code
}

const commandSite = `http://%s {
	uploadcare_health /healthz*
	uploadcare {
		project demopublickey {
			secret_key demosecretkey another
		}
		upstream %s
	}
}
`

func TestTheCommandsAskTheCaddyThatRuns(t *testing.T) {
	gateway := freeAddress(t)
	upstream := startUpstream(t, accept).URL
	c := startCaddy(t, strings.NewReplacer("%s {", gateway+" {", "upstream %s", "upstream "+upstream).Replace(commandSite))
	want := func(code int, contains string, arguments ...string) string {
		t.Helper()
		output, got := c.uploadcare(arguments...)
		if got != code || !strings.Contains(output, contains) {
			t.Errorf("%q: exit code %d\n%s", arguments, got, output)
		}
		if strings.Contains(output, "demosecretkey") { // invariant 8
			t.Errorf("%q shows the secret:\n%s", arguments, output)
		}
		return output
	}
	response, err := http.Post("http://"+gateway+"/base/", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()

	want(0, "caddy-uploadcare ", "version")
	want(0, "ok\n", "health", "--address", c.admin)
	want(0, "ok\n", "health", "--live", "--config", c.path())
	want(0, "ok\n", "health", "--url", "http://"+gateway+"/healthz")
	want(0, "secret_key, key 1 of 2, scheme signature", "status", "--address", c.admin)
	want(0, "GatewayContentTypeError 1", "status", "--config", c.path())
	written := c.run(t.Context(), nil, "uploadcare", "status", "--json", "--address", c.admin)
	shown, err := written.Output()
	if err != nil || !json.Valid(shown) {
		t.Errorf("%v: %s", err, shown)
	}
	want(0, "it loads (handlers uploadcare_sign: 1,", "check", "--config", c.path())

	unused := freeAddress(t)
	want(1, "there is no admin API at "+unused, "status", "--address", unused)
	want(1, "there is no admin API at "+unused, "health", "--address", unused)
	off := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(off, []byte("{\n\tadmin off\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(1, "the config has `admin off`, so there is no admin API to ask", "status", "--config", off)
	want(1, "it is no request of HTTP/1.1", "explain", "--config", c.path(), off)
	want(1, "unknown flag: --nothing", "check", "--nothing")
}

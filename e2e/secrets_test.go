// SPDX-License-Identifier: Apache-2.0

//go:build e2e && linux

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// written are the ways in which a secret key can be given to the gateway, and the keys. A
// key is in two halves here, so that the tests' own process does not name it.
var written = []struct{ way, option, secret string }{
	{"`{file./path}`", "{file.DIRECTORY/secret_key}", "canary" + "of0the0file0a1b2c3"},
	{"`{env.NAME}`", "{env.CANARY_ENVIRONMENT}", "canary" + "of0the0environment0"},
	{"`{$NAME}`", "{$CANARY_ADAPTED}", "canary" + "of0the0adapted0name"},
	{"as it is", "canary" + "of0the0config0itself", "canary" + "of0the0config0itself"},
}

// Where the secret keys of a process can be read that has signed with each. docs/security.md
// has the table, which is what was seen here.
func TestWhereSecretsCanBeRead(t *testing.T) {
	directory, admin, address := t.TempDir(), freeAddress(t), freeAddress(t)
	upstream := startTargets(t)
	if err := os.WriteFile(filepath.Join(directory, "secret_key"), []byte(written[0].secret), 0o600); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(directory, "Caddyfile")
	if err := os.WriteFile(config, []byte(secretsCaddyfile(directory, admin, address, upstream.address)), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary(t), "run", "--environ", "--config", config)
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + directory, "XDG_DATA_HOME=" + directory, "XDG_CONFIG_HOME=" + directory,
		"CANARY_ENVIRONMENT=" + written[1].secret, "CANARY_ADAPTED=" + written[2].secret,
	}
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = command.Process.Kill(), command.Wait() })
	within(t, 30*time.Second, "the gateway serves", func() bool {
		response, err := http.Get("http://" + admin + "/config/")
		if err == nil {
			_ = response.Body.Close()
		}
		return err == nil
	})
	for i := range written {
		form := strings.Replace(uploadForm, publicKey, fmt.Sprint("project", i), 1)
		if status, text := exchange(t, address, "/base/", form); status != http.StatusOK || !upstream.take().signed {
			t.Fatalf("%s: response %d %s", written[i].way, status, text)
		}
	}
	of := fmt.Sprintf("/proc/%d/", command.Process.Pid)
	places := []struct{ name, text string }{
		{"admin API: `/config/`", shownAt(t, "http://"+admin+"/config/")},
		{"admin API: `/uploadcare/status`, `/metrics`, `/debug/vars`, profiles", shownAt(t, "http://"+admin+"/uploadcare/status",
			"http://"+admin+"/metrics", "http://"+admin+"/debug/vars", "http://"+admin+"/debug/pprof/heap", "http://"+admin+"/debug/pprof/goroutine?debug=2")},
		{"`autosave.json`, of `persist_config`", textOf(t, filepath.Join(directory, "caddy/autosave.json"))},
		{"process list: `/proc/PID/cmdline`", textOf(t, of+"cmdline")},
		{"environment: `/proc/PID/environ`", textOf(t, of+"environ")},
		{"memory: `/proc/PID/mem`", memoryOf(t, of)},
	}
	_ = command.Process.Signal(os.Interrupt)
	_ = command.Wait()
	places = append(places,
		struct{ name, text string }{"log, with the global option `debug`", wantWith(t, stderr.String(), "signing upload")},
		struct{ name, text string }{"what `caddy run --environ` prints", wantWith(t, stdout.String(), "XDG_DATA_HOME")})

	var rows strings.Builder
	head := []string{"where"}
	for _, secret := range written {
		head = append(head, secret.way)
	}
	row(&rows, head...)
	row(&rows, "---", "---", "---", "---", "---")
	for _, place := range places {
		cells := []string{place.name}
		for _, secret := range written {
			cell := "no"
			if strings.Contains(place.text, secret.secret) {
				cell = "**yes**"
			}
			cells = append(cells, cell)
		}
		row(&rows, cells...)
	}
	checkDocument(t, "../docs/security.md", rows.String())
}

// secretsCaddyfile is a gateway with a project for each way to write a secret key.
func secretsCaddyfile(directory, admin, address, upstream string) string {
	var projects strings.Builder
	for i, secret := range written {
		fmt.Fprintf(&projects, "\t\tproject project%d {\n\t\t\tsecret_key %s\n\t\t\tcallers anyone\n\t\t}\n", i, strings.ReplaceAll(secret.option, "DIRECTORY", directory))
	}
	return "{\n\tdebug\n\tadmin " + admin + "\n}\nhttp://" + address + " {\n\tbind 127.0.0.1\n\tlog\n\tuploadcare {\n" + projects.String() + "\t\tupstream http://" + upstream + "\n\t}\n}\n"
}

// shownAt returns what is at addresses, one after the other.
func shownAt(t *testing.T, addresses ...string) string {
	t.Helper()
	var all strings.Builder
	for _, address := range addresses {
		status, text := get(t, address)
		if status != http.StatusOK {
			t.Fatalf("%s: response %d", address, status)
		}
		all.Write(text)
	}
	return all.String()
}

func textOf(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil || len(text) == 0 {
		t.Fatalf("%s: %d bytes, %v", file, len(text), err)
	}
	return string(text)
}

// memoryOf returns what a process can write of its memory, which is what a core dump has.
func memoryOf(t *testing.T, of string) string {
	t.Helper()
	memory, err := os.Open(of + "mem")
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	var all strings.Builder
	for line := range strings.Lines(textOf(t, of+"maps")) {
		var from, to uint64
		var permissions string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &permissions); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(permissions, "rw") {
			_, _ = io.Copy(&all, io.NewSectionReader(memory, int64(from), int64(to-from))) // some cannot be read
		}
	}
	return all.String()
}

// wantWith returns a text that has something in it.
func wantWith(t *testing.T, text, part string) string {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Fatalf("there is no %q in %q", part, text)
	}
	return text
}

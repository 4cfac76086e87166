// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	chromium    = "/usr/bin/chromium"
	nodeModules = "browser/node_modules"

	// driveLimit is far longer than a job takes.
	driveLimit = 3 * time.Minute
)

// job is what browser/drive.mjs does: it opens a page and uploads files there,
// one after the other.
type job struct {
	Chromium   string      `json:"chromium"`
	Arguments  []string    `json:"arguments"`
	Page       string      `json:"page"`
	Uploads    []uploading `json:"uploads"`
	Screenshot string      `json:"screenshot"`
	Dark       bool        `json:"dark"`
	Width      int         `json:"width"`
}

type uploading struct {
	Client string   `json:"client"` // one of browser/clients.mjs
	What   []string `json:"what"`   // paths of files, or a URL
}

func with(client string, what ...string) uploading { return uploading{client, what} }

// outcome is what the page shows of an upload.
type outcome struct {
	UUID     string `json:"uuid"`
	Failure  string `json:"failure"`
	Response string `json:"response"` // of a form that the browser sends by itself
}

// visit is the result of a job.
type visit struct {
	Outcomes []outcome     `json:"outcomes"`
	Log      []string      `json:"log"` // of the browser's console
	Requests []sentRequest `json:"requests"`
	Fields   []sentField   `json:"fields"` // of all bodies that were sent
}

type sentRequest struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
}

type sentField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	File  bool   `json:"file"`
}

// drive runs a job. In the browser, only names resolve that rules map, in the syntax of
// --host-resolver-rules.
func drive(t *testing.T, j job, rules ...string) visit {
	t.Helper()
	requireBrowser(t)
	rules = append(rules, "MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1")
	j.Chromium = chromium
	j.Arguments = append(j.Arguments, "--host-resolver-rules="+strings.Join(rules, ", "))
	j.Screenshot = filepath.Join(artifacts(t), strings.NewReplacer("/", "-", " ", "_").Replace(t.Name())+".png")
	var done visit
	runDriver(t, "browser/drive.mjs", j, &done)
	for _, line := range done.Log {
		// The service's push messages are not the sandbox's: clients that get
		// none ask for the status instead.
		if strings.Contains(line, "Content Security Policy") && !strings.Contains(line, "pusher") {
			t.Errorf("the page breaks its own policy: %s", line)
		}
	}
	return done
}

// runDriver runs a script with node, with input as JSON, and returns its result.
func runDriver(t *testing.T, script string, input, result any) {
	t.Helper()
	encoded, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	var output, problems bytes.Buffer
	command := exec.CommandContext(t.Context(), "node", script)
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(encoded), &output, &problems
	command.WaitDelay = time.Second
	limit := time.AfterFunc(driveLimit, func() { _ = command.Process.Signal(os.Interrupt) })
	defer limit.Stop()
	if err := command.Run(); err != nil {
		t.Fatalf("node %s: %v\n%s", script, err, strings.TrimSpace(problems.String()))
	}
	parse(t, output.String(), result)
}

func requireBrowser(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(chromium); err != nil {
		t.Fatalf("%v: install Debian's package chromium", err)
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Fatalf("%v: install Node.js, version 18 or later", err)
	}
	if _, err := os.Stat(filepath.Join(nodeModules, "playwright-core")); err != nil {
		t.Fatalf("%v: run `npm ci` in e2e/browser", err)
	}
}

// artifacts is the directory for screenshots: E2E_ARTIFACTS, or one that is removed after
// the test.
func artifacts(t *testing.T) string {
	t.Helper()
	directory := os.Getenv("E2E_ARTIFACTS")
	if directory == "" {
		return t.TempDir()
	}
	if err := os.MkdirAll(directory, 0o750); err != nil {
		t.Fatal(err)
	}
	return directory
}

// wantUnsigned checks that the page sent a file, and no credential.
func (v visit) wantUnsigned(t *testing.T) {
	t.Helper()
	if !slices.ContainsFunc(v.Fields, func(f sentField) bool { return f.File }) {
		t.Errorf("no file is among what the page sent: %v", v.Fields)
	}
	v.wantNoCredential(t)
}

// wantNoCredential checks that nothing of what the page sent, public key and
// all, was a credential. The widget sends empty ones: they are what makes the
// Upload API refuse it, and no signature.
func (v visit) wantNoCredential(t *testing.T) {
	t.Helper()
	key := sentField{Name: "UPLOADCARE_PUB_KEY", Value: publicKey}
	if !slices.Contains(v.Fields, key) {
		t.Errorf("the public key is not among what the page sent: %v", v.Fields)
	}
	credentials := []string{"signature", "expire", "UPLOADCARE_SIGNATURE", "UPLOADCARE_EXPIRE"}
	for _, field := range v.Fields {
		if slices.Contains(credentials, field.Name) && field.Value != "" {
			t.Errorf("the page sent %s=%s", field.Name, field.Value)
		}
	}
	for _, request := range v.Requests {
		address, err := url.Parse(request.URL)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range credentials {
			if address.Query().Get(name) != "" {
				t.Errorf("the page asked for %s", request.URL)
			}
		}
		if request.Headers["authorization"] != "" {
			t.Errorf("the page asked for %s with an Authorization", request.URL)
		}
	}
}

// wantUploadTo checks that the page posted its file to address.
func (v visit) wantUploadTo(t *testing.T, address string) {
	t.Helper()
	if !slices.ContainsFunc(v.Requests, func(r sentRequest) bool {
		posted, _, _ := strings.Cut(r.URL, "?")
		return r.Method == http.MethodPost && posted == address
	}) {
		t.Errorf("nothing was posted to %s but %v", address, v.Requests)
	}
}

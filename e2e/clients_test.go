// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const (
	publicKey = "demopublickey"

	// A pair as old clients made it: MD5, and years past its expiry.
	staleSignature = "46f70d2b4fb6196daeb2c16bf44a7f1e"
	staleExpire    = "1454903856"

	// multipartPart is how much of a file each request of a multipart upload
	// carries, and multipartMinimum the smallest file that the service takes so.
	multipartPart    = 5 * mebibyte
	multipartMinimum = 10 * mebibyte
)

// site is a gateway and, behind it, the sandbox.
type site struct {
	gateway, sandbox string // base URLs
	host             string // of the gateway, with its port
	process          *process
}

// startSite runs both. further are directives for the gateway's site, and
// sandboxOptions for the sandbox.
func startSite(t *testing.T, further string, sandboxOptions ...string) *site {
	t.Helper()
	s := &site{host: freeAddress(t)}
	sandbox := freeAddress(t)
	s.gateway, s.sandbox = "http://"+s.host, "http://"+sandbox
	caddyfile := strings.Replace(gateway(s.host, s.sandbox), "\tuploadcare {", further+"\n\tuploadcare {", 1)
	s.process = start(t, caddyfile+sandboxSite(sandbox, sandboxOptions...))
	return s
}

func sandboxSite(address string, options ...string) string {
	return "http://" + address + " {\n\tbind 127.0.0.1\n\tuploadcare_sandbox {\n\t\t" + strings.Join(options, "\n\t\t") + "\n\t}\n}\n"
}

// sentFile is what a client uploads.
type sentFile struct {
	path    string
	content []byte
}

// newFile makes a file of random bytes, which begin with what a careless parser
// of forms could take for structure.
func newFile(t *testing.T, size int) sentFile {
	t.Helper()
	content := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(content)
	copy(content, "\x00\xff--\r\n\r\n--\r\nContent-Disposition: form-data; name=\"signature\"\r\n\r\nsignature=1&expire=2")
	path := filepath.Join(t.TempDir(), "picture é.bin")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return sentFile{path, content}
}

// checkStored compares what the sandbox has with what was sent.
func (s *site) checkStored(t *testing.T, id string, sent sentFile) {
	t.Helper()
	if !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Fatalf("the response has no uuid but %q", id)
	}
	status, content := get(t, s.sandbox+"/"+id+"/")
	if status != http.StatusOK || !bytes.Equal(content, sent.content) {
		t.Errorf("stored: status %d and %d bytes, which are not the %d sent", status, len(content), len(sent.content))
	}
}

// checkGroup checks that the group has exactly these files.
func (s *site) checkGroup(t *testing.T, id string, files ...string) {
	t.Helper()
	if got := s.members(t, id); strings.Join(got, " ") != strings.Join(files, " ") {
		t.Errorf("group %q holds %v, want %v", id, got, files)
	}
}

// members returns the uuids of the files that a group holds.
func (s *site) members(t *testing.T, id string) (uuids []string) {
	t.Helper()
	_, response := get(t, s.sandbox+"/group/info/?pub_key="+publicKey+"&group_id="+id)
	var group struct {
		Files []struct{ UUID string }
	}
	parse(t, string(response), &group)
	for _, file := range group.Files {
		uuids = append(uuids, file.UUID)
	}
	return uuids
}

// fromURLDone waits for the file that a response of /from_url/ promises, and
// returns its uuid.
func (s *site) fromURLDone(t *testing.T, response string) string {
	t.Helper()
	var begun struct{ Type, Token, UUID string }
	parse(t, response, &begun)
	if begun.Type == "file_info" {
		return begun.UUID
	}
	if begun.Type != "token" || begun.Token == "" {
		t.Fatalf("from_url: response %s", response)
	}
	for range 500 {
		var progress struct{ Status, UUID string }
		_, response := get(t, s.sandbox+"/from_url/status/?token="+begun.Token)
		parse(t, string(response), &progress)
		switch progress.Status {
		case "success":
			return progress.UUID
		case "waiting", "progress":
			time.Sleep(20 * time.Millisecond)
		default:
			t.Fatalf("from_url: status %s", response)
		}
	}
	t.Fatal("from_url: not done in ten seconds")
	return ""
}

// upload puts a file into the sandbox, for tests of what comes after.
func (s *site) upload(t *testing.T, sent sentFile) string {
	t.Helper()
	status, response := curl(t, "-F", "UPLOADCARE_PUB_KEY="+publicKey, "-F", "file=@"+sent.path, s.gateway+"/base/")
	if status != http.StatusOK {
		t.Fatalf("upload: %d %s", status, response)
	}
	return uuidOf(t, response)
}

// uuidOf returns the file in a response of /base/.
func uuidOf(t *testing.T, response string) string {
	t.Helper()
	var files map[string]string
	parse(t, response, &files)
	if len(files) != 1 {
		t.Fatalf("response %s", response)
	}
	for _, id := range files {
		return id
	}
	return ""
}

func get(t *testing.T, url string) (int, []byte) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, content
}

func parse(t *testing.T, response string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(response), into); err != nil {
		t.Fatalf("response %q: %v", response, err)
	}
}

// need fails the test unless a command that tries a tool succeeds. A missing tool is never a
// reason to skip: a client that was not run was not tested.
func need(t *testing.T, debianPackages, name string, arguments ...string) {
	t.Helper()
	if output, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("this test needs the Debian packages %s: %s: %v\n%s", debianPackages, name, err, output)
	}
}

// run returns what a client prints, and fails the test if the client does.
func run(t *testing.T, environment []string, name string, arguments ...string) string {
	t.Helper()
	command := exec.Command(name, arguments...)
	command.Env = append(os.Environ(), environment...)
	output, err := command.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			output = append(output, exit.Stderr...)
		}
		t.Fatalf("%s: %v\n%s", name, err, output)
	}
	return string(output)
}

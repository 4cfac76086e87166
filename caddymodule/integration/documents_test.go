// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// snippet is a config in a document: a block of code that is marked as one.
type snippet struct {
	document, language, text string
}

var (
	codeBlock   = regexp.MustCompile("(?s)```(caddyfile|json)\n(.*?)```")
	signHandler = regexp.MustCompile(`\buploadcare_sign\b`)
)

// root leads from this package to the repository's own directory.
const root = "../.."

// allDocuments returns the paths of all documents from the repository's root.
func allDocuments(t *testing.T) (paths []string) {
	t.Helper()
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "e2e/*/*.md", "dist/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			path, err = filepath.Rel(root, path)
			if err != nil {
				t.Fatal(err)
			}
			paths = append(paths, filepath.ToSlash(path))
		}
	}
	if len(paths) < 2 {
		t.Fatal("no documents were found")
	}
	return paths
}

// snippets returns the configs in a document.
func snippets(t *testing.T, document string) (found []snippet) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, document))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range codeBlock.FindAllStringSubmatch(string(text), -1) {
		found = append(found, snippet{document, block[1], block[2]})
	}
	return found
}

// documented returns the Caddyfile in a document that has a certain text in it.
func documented(t *testing.T, document, text string) string {
	t.Helper()
	for _, s := range snippets(t, document) {
		if s.language == "caddyfile" && strings.Contains(s.text, text) {
			return s.text
		}
	}
	t.Fatalf("no Caddyfile in %s has %q", document, text)
	return ""
}

// documentedSecrets sets the environment variables that the documents' configs read,
// and returns a directory with the files that they expect in /run/secrets, /etc/caddy and
// /etc/caddy-uploadcare.
func documentedSecrets(t *testing.T) string {
	t.Helper()
	t.Setenv("UPLOADCARE_PUBLIC_KEY", "demopublickey")
	t.Setenv("UPLOADCARE_SECRET_KEY", demoSecret)
	t.Setenv("UPLOAD_API_KEY", visitorKey)
	directory := t.TempDir()
	for _, name := range []string{"uploadcare", "app", "secret_key"} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(demoSecret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	newAuthority(t).writeTo(t, filepath.Join(directory, "devices.pem"))
	return directory
}

// here returns a config of the documents whose files are in a directory.
func here(config, directory string) string {
	return strings.NewReplacer("/run/secrets", directory, "/etc/caddy-uploadcare", directory, "/etc/caddy", directory).Replace(config)
}

// demoSecret is the secret key of all projects in the documents, and the password by
// which the gateway proves itself to back ends.
const demoSecret = "demosecretkey"

// Every Caddyfile in the documents can be loaded, and leads uploads somewhere, and
// every JSON config in them is what the Caddyfile before it adapts to.
func TestConfigsInTheDocumentsAreSound(t *testing.T) {
	secrets := documentedSecrets(t)
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	found := 0
	for _, document := range allDocuments(t) {
		var before []byte // what the last Caddyfile adapted to
		for _, s := range snippets(t, document) {
			found++
			if s.language == "json" {
				checkSameJSON(t, document, s.text, before)
				continue
			}
			if signHandler.MatchString(s.text) && !strings.Contains(s.text, "reverse_proxy") {
				t.Errorf("%s: nothing behind uploadcare_sign takes the upload:\n%s", document, s.text)
			}
			var err error
			before, _, err = caddyconfig.GetAdapter("caddyfile").Adapt([]byte(s.text), nil)
			if err != nil {
				t.Errorf("%s: %v\n%s", document, err, s.text)
				continue
			}
			config := new(caddy.Config)
			if err := json.Unmarshal([]byte(here(string(before), secrets)), config); err != nil {
				t.Fatal(err)
			}
			if err := caddy.Validate(config); err != nil {
				t.Errorf("%s: %v\n%s", document, err, s.text)
			}
		}
	}
	if found == 0 {
		t.Error("no configs were found")
	}
}

func checkSameJSON(t *testing.T, document, text string, adapted []byte) {
	t.Helper()
	var got, want any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Errorf("%s: %v\n%s", document, err, text)
		return
	}
	if err := json.Unmarshal(adapted, &want); err != nil {
		t.Errorf("%s: a JSON config without a Caddyfile before it", document)
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: the Caddyfile before this config adapts to\n%s\nnot to\n%s", document, adapted, text)
	}
}

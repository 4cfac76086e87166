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

var codeBlock = regexp.MustCompile("(?s)```(caddyfile|json)\n(.*?)```")

// Every Caddyfile in the documents can be loaded, and leads uploads somewhere, and
// every JSON config in them is what the Caddyfile before it adapts to.
func TestConfigsInTheDocumentsAreSound(t *testing.T) {
	t.Setenv("UPLOADCARE_PUBLIC_KEY", "demopublickey")
	t.Setenv("UPLOADCARE_SECRET_KEY", "demosecretkey")
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	secrets := t.TempDir()
	for _, name := range []string{"uploadcare", "app"} {
		if err := os.WriteFile(filepath.Join(secrets, name), []byte("demosecretkey\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	documents := []string{"../../README.md"}
	for _, pattern := range []string{"../../docs/*.md", "../../docs/upstream/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, found...)
	}
	found := 0
	for _, document := range documents {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		var before []byte // what the last Caddyfile adapted to
		for _, block := range codeBlock.FindAllStringSubmatch(string(text), -1) {
			found++
			if block[1] == "json" {
				checkSameJSON(t, document, block[2], before)
				continue
			}
			if strings.Contains(block[2], "uploadcare_sign {") && !strings.Contains(block[2], "reverse_proxy") {
				t.Errorf("%s: nothing behind uploadcare_sign takes the upload:\n%s", document, block[2])
			}
			before, _, err = caddyconfig.GetAdapter("caddyfile").Adapt([]byte(block[2]), nil)
			if err != nil {
				t.Errorf("%s: %v\n%s", document, err, block[2])
				continue
			}
			config := new(caddy.Config)
			if err := json.Unmarshal([]byte(strings.ReplaceAll(string(before), "/run/secrets", secrets)), config); err != nil {
				t.Fatal(err)
			}
			if err := caddy.Validate(config); err != nil {
				t.Errorf("%s: %v\n%s", document, err, block[2])
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

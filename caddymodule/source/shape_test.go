// SPDX-License-Identifier: Apache-2.0

package source

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
)

const canary = "canary0123456789abcd"

// What loads must not fail at the first upload: a key is used as it was meant, or refused
// with what it looks like, and never quoted.
func TestASecretKeyIsCleanedOrRefusedByItsLooks(t *testing.T) {
	tests := map[string]struct{ text, want string }{ // an error, or "" if the key is the canary
		"the key":                    {canary, ""},
		"a line end":                 {canary + "\r\n", ""},
		"blanks around":              {" \t" + canary + "  ", ""},
		"line ends around":           {"\n\n" + canary + "\n\n", ""},
		"a byte order mark":          {"\ufeff" + canary, "byte order mark"},
		"blanks alone":               {"  \n ", "nothing but blanks"},
		"two lines":                  {canary + "\nanother", "several lines"},
		"double quotes":              {`"` + canary + `"`, "in quotes"},
		"single quotes":              {"'" + canary + "'", "in quotes"},
		"an assignment":              {"UPLOADCARE_SECRET_KEY=" + canary, "NAME=value"},
		"an export":                  {"export KEY=" + canary + "\n", "NAME=value"},
		"a whole .env file":          {"PUBLIC=a\nSECRET=" + canary, "NAME=value"},
		"two megabytes":              {strings.Repeat(canary, 100_000), "is no key"},
		"a path":                     {"/run/secrets/" + canary, "write {file./path}"},
		"a relative path":            {"./" + canary, "write {file./path}"},
		"a path on Windows":          {`C:\` + canary, "write {file./path}"},
		"a placeholder not closed":   {"{env." + canary, "not closed"},
		"UTF-16":                     {"\xff\xfe" + strings.Join(strings.Split(canary, ""), "\x00"), "UTF-16"},
		"a control character within": {canary + "\x01" + canary, "control character"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := cleanSecret(test.text)
			switch {
			case test.want == "" && (err != nil || got != canary):
				t.Errorf("got %q, %v", got, err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %s", err, test.want)
			case err != nil && strings.Contains(err.Error(), canary):
				t.Errorf("it is quoted: %v", err)
			}
		})
	}
}

func TestASecretKeyThatCannotBeReadNamesTheCause(t *testing.T) {
	directory := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(directory, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv("TEST_WITH_LINE_END", canary+"\n")
	tests := map[string]struct{ key, want string }{
		"no such file":             {"{file.%DIR%/missing}", "there is no such file"},
		"a directory":              {"{file.%DIR%}", "it is a directory"},
		"an empty file":            {"{file." + write("empty", "") + "}", "the file is empty"},
		"a line end alone":         {"{file." + write("line", "\n") + "}", "not set or empty"},
		"quotes in a file":         {"{file." + write("quoted", `"`+canary+`"`) + "}", "in quotes"},
		"two megabytes":            {"{file." + write("large", strings.Repeat("x", 2<<20)) + "}", "larger than"},
		"a file without a path":    {"{file.secret}", "did you mean {file./path/to/secret}?"},
		"a variable that is unset": {"{env.TEST_NOT_SET}", "TEST_NOT_SET must be in the environment"},
		"an unknown namespace":     {"{secret.key}", "{secret.key} is unknown when the config is loaded; did you mean {env.NAME}"},
		"a request's":              {"{vars.key}", "{vars.key} is unknown when the config is loaded"},
		"a line end in a variable": {"{env.TEST_WITH_LINE_END}", ""},
		"a key with braces":        {"x{" + canary + "}", "a placeholder that is unknown or empty"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			key, _ := json.Marshal(strings.ReplaceAll(test.key, "%DIR%", directory))
			_, err := fixture.Load[*SecretKey](t, Namespace+".secret_key", `{"keys":[`+string(key)+`]}`)
			switch {
			case test.want == "" && err != nil, test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %s", err, test.want)
			case err != nil && strings.Contains(err.Error(), canary):
				t.Errorf("it is quoted: %v", err)
			}
		})
	}
}

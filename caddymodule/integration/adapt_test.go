// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddytest"
)

// Each file is a Caddyfile, a line of dashes, and the JSON that it adapts to or
// the error that it is refused with.
func TestCaddyfileAdaptToJSON(t *testing.T) {
	files, err := filepath.Glob("caddyfile_adapt/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test files: %v", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			config, want, found := strings.Cut(string(content), "\n----------\n")
			if !found {
				t.Fatal("no line of dashes")
			}
			config, want = config+"\n", strings.TrimSpace(want)
			if strings.HasPrefix(want, "{") {
				if !caddytest.CompareAdapt(t, name, config, "caddyfile", want) {
					t.Error("the JSON differs")
				}
				return
			}
			_, _, err = caddyconfig.GetAdapter("caddyfile").Adapt([]byte(config), nil)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got error %v\nwant %s", err, want)
			}
		})
	}
}

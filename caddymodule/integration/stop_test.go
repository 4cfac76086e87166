// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// Whatever ends a gateway waits for longer than its stop may take, in the files of dist and
// in the documents: shutdown_delay, grace_period, and Caddy's own end.
func TestAStopHasTimeEnough(t *testing.T) {
	const margin = 10 * time.Second
	file := func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	limit := func(name, pattern, unit string) time.Duration {
		match := regexp.MustCompile(pattern).FindStringSubmatch(file(name))
		if match == nil {
			t.Fatalf("%s: there is no %s", name, pattern)
		}
		limit, err := time.ParseDuration(match[1] + unit)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return limit
	}
	service := limit("dist/systemd/caddy-uploadcare.service", `(?m)^TimeoutStopSec=(\w+)$`, "")
	container := limit("dist/container/README.md", `docker stop -t (\d+)`, "s")
	const document = "docs/production.md"
	for name, test := range map[string]struct {
		caddyfile string
		limit     time.Duration
	}{
		"the Debian package":          {file("dist/systemd/Caddyfile"), service},
		"a gateway alone":             {documented(t, document, "What may be uploaded"), service},
		"a gateway behind a balancer": {documented(t, document, "shutdown_delay"), service},
		"the container image":         {file("dist/container/Caddyfile"), container},
	} {
		t.Run(name, func(t *testing.T) {
			adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(test.caddyfile), nil)
			if err != nil {
				t.Fatal(err)
			}
			var config struct {
				Apps struct {
					HTTP struct {
						Delay time.Duration `json:"shutdown_delay"`
						Grace time.Duration `json:"grace_period"`
					} `json:"http"`
				} `json:"apps"`
			}
			if err := json.Unmarshal(adapted, &config); err != nil {
				t.Fatal(err)
			}
			delay, grace := config.Apps.HTTP.Delay, config.Apps.HTTP.Grace
			if grace <= 0 || delay+grace+margin > test.limit {
				t.Errorf("a stop may take %s and %s, and is given %s", delay, grace, test.limit)
			}
		})
	}
}

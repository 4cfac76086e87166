// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each alert says how bad it is, what to do, and which page has more; and the page about
// alerts has it under its severity.
func TestAlertsNameTheirRemedyAndAPage(t *testing.T) {
	read := func(name string) string {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	operations := read("docs/operations.md")
	alerts := strings.Split(read("dist/prometheus/rules.yml"), "- alert: ")[1:]
	if len(alerts) < 10 {
		t.Errorf("%d alerts", len(alerts))
	}
	for _, alert := range alerts {
		name, text, _ := strings.Cut(alert, "\n")
		for _, part := range []string{`\n        for: \d+[mh]\n`, `\n          summary: \S`, `\n          description: >-\n            \S`} {
			if !regexp.MustCompile(part).MatchString(text) {
				t.Errorf("%s has nothing like %s", name, part)
			}
		}
		severity := regexp.MustCompile(`severity: (critical|warning|info)\n`).FindStringSubmatch(text)
		if severity == nil || !regexp.MustCompile("(?m)^\\| `"+severity[1]+"` \\|.*`"+name+"`").MatchString(operations) {
			t.Errorf("%s is not among those of severity %v in docs/operations.md", name, severity)
		}
		page := regexp.MustCompile(`\n          docs: (\S+)#(\S+)\n`).FindStringSubmatch(text)
		if page == nil {
			t.Errorf("%s names no page", name)
		} else if !anchors(fencedCode.ReplaceAllString(read(page[1]), ""))[page[2]] {
			t.Errorf("%s: there is no %s in %s", name, page[2], page[1])
		}
	}
}

// The page about clients, the alert and the dashboard mean the same clients.
func TestAllQueriesForOldClientsLeaveOutTheSameStates(t *testing.T) {
	const states = `state!~"valid|unverified"`
	for _, name := range []string{"docs/operations.md", "dist/prometheus/rules.yml", "dist/grafana/dashboard.json"} {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(content), `\"`, `"`)
		found := regexp.MustCompile(`client_credentials_total\{[^}]*(state[!=~]+"[^"]*")`).FindAllStringSubmatch(text, -1)
		if len(found) == 0 {
			t.Errorf("%s has no query for old clients", name)
		}
		for _, query := range found {
			if query[1] != states {
				t.Errorf("%s has %s, want %s", name, query[1], states)
			}
		}
	}
}

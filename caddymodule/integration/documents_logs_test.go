// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// shippedConfigs returns the configs that operators begin with, by where they are.
func shippedConfigs(t *testing.T) map[string]string {
	t.Helper()
	read := func(name string) string {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	configs := map[string]string{
		"docs/production.md, alone":             documented(t, "docs/production.md", "What may be uploaded"),
		"docs/production.md, behind a balancer": documented(t, "docs/production.md", "shutdown_delay"),
		"README.md":                             documented(t, "README.md", "basic_auth"),
	}
	for _, name := range []string{"dist/systemd/Caddyfile", "dist/container/Caddyfile", "Caddyfile.example"} {
		configs[name] = read(name)
	}
	const manifest = "dist/kubernetes/configmap.yaml"
	_, caddyfile, found := strings.Cut(read(manifest), "\n  Caddyfile: |\n")
	if !found {
		t.Fatalf("%s has no Caddyfile", manifest)
	}
	configs[manifest] = strings.ReplaceAll("\n"+caddyfile, "\n    ", "\n")
	return configs
}

// failures are routes before a gateway: one that fails, and one that sends the client on
// with its query.
const failures = `[
	{"match": [{"query": {"then": ["fails"]}}], "handle": [{"handler": "error", "error": "it fails", "status_code": 500}]},
	{"match": [{"query": {"then": ["moved"]}}], "handle": [{"handler": "static_response", "status_code": 301,
		"headers": {"Location": ["https://elsewhere.example.com{http.request.uri}"]}}]}
]`

// withFailures returns a config in JSON whose servers that log accesses have the
// [failures], and whether there is one.
func withFailures(t *testing.T, config string) (changed string, logs bool) {
	t.Helper()
	var parsed map[string]any
	var routes []any
	if err := json.Unmarshal([]byte(failures), &routes); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(config), &parsed); err != nil {
		t.Fatal(err)
	}
	for _, server := range parsed["apps"].(map[string]any)["http"].(map[string]any)["servers"].(map[string]any) {
		if server := server.(map[string]any); server["logs"] != nil {
			logs = true
			server["routes"] = append(routes, server["routes"].([]any)...)
		}
	}
	text, err := json.Marshal(parsed)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), logs
}

// Invariant 8, as far as it is in docs/operations.md, for what operators begin with: no log
// has the credential that an old client put into a query. A config that logs accesses
// filters them, and the lines about handlers that fail.
func TestInvariant8ShippedConfigsKeepClientsCredentialsOutOfTheirLogs(t *testing.T) {
	secrets := documentedSecrets(t)
	logging := 0
	for name, caddyfile := range shippedConfigs(t) {
		t.Run(name, func(t *testing.T) {
			adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), nil)
			if err != nil {
				t.Fatal(err)
			}
			// In a pod, the secret's directory has one file for each key.
			config := strings.ReplaceAll(string(adapted), "/run/secrets/uploadcare/secret_key", "/run/secrets/secret_key")
			config, logs := withFailures(t, here(config, secrets))
			stage := startStage(t, config)
			for _, method := range []string{"GET", "POST", "OPTIONS"} {
				for _, path := range []string{"/from_url/", "/base/", "/info/", "/healthz", "/"} {
					for _, then := range []string{"", "fails", "moved"} {
						request := repeated{method: method, target: path + "?pub_key=demopublickey&signature=" + canaryOfClient + "&expire=1&then=" + then}
						request.more = "Referer: http://" + stage.host + request.target + "\r\nX-Forwarded-Uri: " + request.target + "\r\nX-Original-Uri: " + request.target + "\r\n"
						request.wire(t, stage.gateway, stage.host)
					}
				}
			}
			stage.caddy.terminate()
			exits(t, stage.caddy)
			output := stage.caddy.output.String()
			if i := strings.Index(output, canaryOfClient); i >= 0 {
				t.Errorf("a client's signature is shown: …%s", output[max(0, i-300):i+len(canaryOfClient)])
			}
			if !logs {
				return
			}
			logging++
			for _, line := range []string{`"http.log.access`, `"http.log.error"`, "it fails", "signature=REDACTED", `"Location":["https://elsewhere.example.com/base/?pub_key=demopublickey&signature=REDACTED`} {
				if !strings.Contains(strings.ReplaceAll(output, `\u0026`, "&"), line) {
					t.Errorf("the output lacks %q", line)
				}
			}
		})
	}
	if logging == 0 {
		t.Error("none of the configs logs accesses")
	}
}

// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	rulesFile     = "../dist/prometheus/rules.yml"
	dashboardFile = "../dist/grafana/dashboard.json"
)

// prometheus is Debian's, for one test.
type prometheus struct{ url string }

// startPrometheus runs it with the rules that are shipped, each second for a minute of
// theirs, and has it scrape a gateway's admin endpoint. Each project's metrics are those of an
// instance of its name, so that an alert about a gateway shows whose uploads raise it.
func startPrometheus(t *testing.T, admin string) *prometheus {
	t.Helper()
	home, address := t.TempDir(), freeAddress(t)
	for name, content := range map[string]string{
		"rules.yml": scaled(t, rulesFile),
		"prometheus.yml": fmt.Sprintf("global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\nrule_files: [rules.yml]\n"+
			"scrape_configs:\n  - job_name: caddy\n    static_configs:\n      - targets: ['%s']\n"+
			"    metric_relabel_configs:\n      - {source_labels: [project], regex: (.+), target_label: instance}\n", admin),
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var output bytes.Buffer
	command := exec.Command("prometheus", "--config.file="+filepath.Join(home, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(home, "data"),
		"--web.listen-address="+address, "--log.level=warn")
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatalf("%v (it is in Debian's package prometheus)", err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Logf("Prometheus:\n%s", &output)
		}
	})
	p := &prometheus{"http://" + address}
	within(t, time.Minute, "Prometheus has scraped the gateway", func() bool {
		samples, err := p.query("caddy_uploadcare_build_info")
		return err == nil && len(samples) == 1
	})
	return p
}

// scaled returns rules in which minutes are seconds, hours minutes, and a day 24 minutes.
func scaled(t *testing.T, path string) string {
	t.Helper()
	rules, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(for: |\[|offset )(\d+)([mhd])\b`).ReplaceAllStringFunc(string(rules), func(span string) string {
		return span[:len(span)-1] + map[string]string{"m": "s", "h": "m", "d": "m"}[span[len(span)-1:]]
	})
}

// sample is one of the result of a query.
type sample struct {
	Metric map[string]string
	Value  [2]any
}

func (p *prometheus) query(query string) ([]sample, error) {
	var response struct {
		Status, Error string
		Data          struct{ Result []sample }
	}
	if err := p.get("/api/v1/query?query="+url.QueryEscape(query), &response); err != nil {
		return nil, err
	}
	if response.Status != "success" {
		return nil, fmt.Errorf("%s: %s", query, response.Error)
	}
	return response.Data.Result, nil
}

func (p *prometheus) get(path string, into any) error {
	response, err := http.Get(p.url + path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(into)
}

// firing returns the alerts that fire, by their severity, as "name project", or "name instance"
// if they are about a gateway.
func (p *prometheus) firing(t *testing.T) map[string][]string {
	t.Helper()
	var response struct {
		Data struct {
			Alerts []struct {
				Labels map[string]string
				State  string
			}
		}
	}
	if err := p.get("/api/v1/alerts", &response); err != nil {
		t.Fatal(err)
	}
	found := make(map[string]map[string]bool)
	for _, alert := range response.Data.Alerts {
		if alert.State != "firing" {
			continue
		}
		severity := alert.Labels["severity"]
		if found[severity] == nil {
			found[severity] = make(map[string]bool)
		}
		found[severity][strings.TrimSpace(alert.Labels["alertname"]+" "+cmp.Or(alert.Labels["project"], alert.Labels["instance"]))] = true
	}
	fire := make(map[string][]string)
	for severity, alerts := range found {
		fire[severity] = slices.Sorted(maps.Keys(alerts))
	}
	return fire
}

// within waits until something is so.
func within(t *testing.T, limit time.Duration, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !is(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

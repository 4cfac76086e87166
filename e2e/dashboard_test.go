// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// queriesOf returns the queries of the dashboard, and of the rules.
func queriesOf(t *testing.T) (dashboard, rules []string) {
	t.Helper()
	content, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(content, &board); err != nil {
		t.Fatal(err)
	}
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			dashboard = append(dashboard, target.Expr)
		}
	}
	content, err = os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range regexp.MustCompile(`(?m)^        expr:( \|(?:\n          .*)+| .*)$`).FindAllStringSubmatch(string(content), -1) {
		rules = append(rules, rule[1])
	}
	if len(dashboard) < 20 || len(rules) < 10 {
		t.Fatalf("%d queries of the dashboard and %d of the rules", len(dashboard), len(rules))
	}
	return dashboard, rules
}

// checkNames checks that each metric, and each label, of dashboard and rules is one that
// the gateway has.
func checkNames(t *testing.T, gateway *process) {
	t.Helper()
	_, scrape := get(t, "http://"+gateway.admin+"/metrics")
	dashboard, rules := queriesOf(t)
	seen := 0
	for _, query := range append(dashboard, rules...) {
		for _, selector := range regexp.MustCompile(`(caddy_uploadcare_\w+)(?:\{([^}]*)\})?`).FindAllStringSubmatch(query, -1) {
			seen++
			series := regexp.MustCompile(`(?m)^` + selector[1] + `(?:\{(.*)\})? `).FindStringSubmatch(string(scrape))
			if series == nil {
				t.Errorf("the gateway has no %s", selector[1])
				continue
			}
			for _, label := range regexp.MustCompile(`(\w+)(?:=~|!~|!=|=)"`).FindAllStringSubmatch(selector[2], -1) {
				if !strings.Contains(","+series[1], ","+label[1]+`="`) {
					t.Errorf("%s has no label %s: %s", selector[1], label[1], series[1])
				}
			}
		}
	}
	if seen < 40 {
		t.Errorf("%d selectors", seen)
	}
	checkReasons(t, string(scrape), rules)
}

// checkReasons checks that the reasons which rules name, without patterns, are counted.
func checkReasons(t *testing.T, scrape string, rules []string) {
	t.Helper()
	var named []string
	for _, rule := range rules {
		for _, reason := range regexp.MustCompile(`reason!?=~?"([^"]*)"`).FindAllStringSubmatch(rule, -1) {
			for name := range strings.SplitSeq(reason[1], "|") {
				if !strings.Contains(name, "*") && !slices.Contains(named, name) {
					named = append(named, name)
				}
			}
		}
	}
	for _, reason := range named {
		if !strings.Contains(scrape, `reason="`+reason+`"`) {
			t.Errorf("nothing is counted for the reason %s", reason)
		}
	}
}

// checkDashboard checks that each query of the dashboard has a result, as Grafana sends it.
func checkDashboard(t *testing.T, p *prometheus) {
	t.Helper()
	dashboard, _ := queriesOf(t)
	grafana := strings.NewReplacer("$__rate_interval", "10s", "$__range", "1m", "$project", ".*", "$endpoint", ".*")
	for _, query := range dashboard {
		samples, err := p.query(grafana.Replace(query))
		switch {
		case err != nil:
			t.Error(err)
		case len(samples) == 0:
			t.Errorf("no data: %s", query)
		}
		for _, one := range samples {
			// A quantile or a share of nothing would be a gap in the graph.
			if one.Value[1] == "NaN" && !strings.Contains(query, "token_request_duration") {
				t.Errorf("NaN: %s", query)
			}
		}
	}
}

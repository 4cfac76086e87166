// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestMutantsOfAStatement(t *testing.T) {
	for statement, want := range map[string][]string{
		"if a < b { c() }":                 {"a < b -> (a < b) && false", "a < b -> (a < b) || true", "< -> <=", "c() -> "},
		"a = b + 7":                        {"a = b + 7 -> ", "+ -> -", "7 -> 6", "7 -> 8"},
		"a := 0; _ = a":                    {"0 -> 1", "_ = a -> "},
		"return true, 3, err":              {"err -> nil"},
		"return 1 << 4, nil":               {"1 -> 0", "1 -> 2", "<< -> >>", "4 -> 3", "4 -> 5"},
		"return !d && true":                {"! -> ", "&& -> ||", "true -> false"},
		"return a, fmt.Errorf(`x`)":        {"fmt.Errorf(`x`) -> nil"},
		"for ; d; a++ { break }":           {"d -> (d) && false", "a++ -> ", "++ -> --", "break -> "},
		"switch { case d: return }":        {"d -> (d) && false", "d -> (d) || true"},
		"switch a { case '-': c(); c() }":  {"'-' -> ('-' + 1)", "c(); c() -> ", "c() -> ", "c() -> "},
		"defer c()":                        {"defer c() -> "},
		"var e = \"text\"; e += e; c(0.5)": {"e += e -> ", "+= -> -=", "c(0.5) -> ", "0.5 -> (0.5 * 2)"},
	} {
		source := "package p\n\nfunc f() (int, error) {\n\t" + statement + "\n}\n"
		mutants, err := mutantsOf("p.go", []byte(source))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range mutants {
			got = append(got, m.Before+" -> "+m.After)
			changed := string(m.apply([]byte(source)))
			if before := source[:m.from] + m.Before + source[m.until:]; before != source || !strings.Contains(changed, m.After) || changed == source || m.Line != 4 {
				t.Errorf("%s: %s becomes %s", statement, m.String(), changed)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n%q, want\n%q", statement, got, want)
		}
	}
}

// module writes a module whose tests check one of two functions.
func module(t *testing.T, test string) string {
	t.Helper()
	directory := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":    "module p\n\ngo 1.26\n",
		"p.go":      "package p\n\nfunc checked(n int) bool { return n > 3 }\n\nfunc loops(n int) int {\n\tfor n != 0 {\n\t\tn--\n\t}\n\treturn n\n}\n\nfunc forgotten(n int) int { return n + 3 }\n",
		"p_test.go": "package p\n\nimport \"testing\"\n\nfunc TestP(t *testing.T) {\n\t" + test + "\n}\n\nfunc TestSlow(t *testing.T) {\n\tif forgotten(2) == 4 {\n\t\tt.Fail()\n\t}\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

// What a test notices is caught, and the rest survives. A run that goes on repeats none.
func TestOutcomes(t *testing.T) {
	directory := module(t, "if checked(3) || !checked(4) || loops(2) != 0 || forgotten(1) == 0 { t.Fail() }")
	before, err := os.ReadFile(filepath.Join(directory, "p.go"))
	if err != nil {
		t.Fatal(err)
	}
	o := &options{out: filepath.Join(t.TempDir(), "out"), slow: "^TestSlow$", seed: 1, parallel: 2}
	for range 2 {
		if err := o.check(t.Context(), directory); err != nil {
			t.Fatal(err)
		}
	}
	results, err := openResults(o.out)
	if err != nil {
		t.Fatal(err)
	}
	defer results.close()
	mutants, err := mutantsIn(directory, nil)
	if err != nil || len(results.known) != len(mutants) {
		t.Fatalf("%d results of %d mutants: %v", len(results.known), len(mutants), err)
	}
	text, err := os.ReadFile(o.out)
	if err != nil || strings.Count(string(text), "\n") != len(mutants) {
		t.Errorf("%v: tried more than once:\n%s", err, text)
	}
	want := map[string]outcome{
		"> -> >=": caught, "3 -> 4": caught, "3 -> 2": caught, "n != 0 -> (n != 0) && false": caught, "n-- -> ": timedOut,
		"+ -> -": survived, "line 12: 3 -> 4": survived, "line 12: 3 -> 2": caught, // by the slow test
	}
	for _, m := range mutants {
		change := m.Before + " -> " + m.After
		if m.Line == 12 && m.Before == "3" {
			change = "line 12: " + change
		}
		if expected, ok := want[change]; ok && results.known[m.key()] != expected {
			t.Errorf("%s: %s, want %s", m.String(), results.known[m.key()], expected)
		}
		delete(want, change)
	}
	if len(want) > 0 {
		t.Errorf("not tried: %v", want)
	}
	var report strings.Builder
	results.report(&report, mutants)
	if !strings.Contains(report.String(), "p.go:12:38: operator: + -> -\n") || strings.Contains(report.String(), "p.go:3:") {
		t.Errorf("the report:\n%s", report.String())
	}
	if after, err := os.ReadFile(filepath.Join(directory, "p.go")); err != nil || string(after) != string(before) {
		t.Errorf("%v: the tree has changed", err)
	}
}

func TestTestsThatFailAnywayAreNoMeasure(t *testing.T) {
	o := &options{out: filepath.Join(t.TempDir(), "out"), slow: noTest, parallel: 1}
	if err := o.check(t.Context(), module(t, "t.Fail()")); err == nil || !strings.Contains(err.Error(), "fail without a mutant") {
		t.Errorf("got %v", err)
	}
}

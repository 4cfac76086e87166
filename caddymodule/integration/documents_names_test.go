// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark|Example)\w+)\(`)
	testName     = regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*|…[A-Z]\\w*)`")
	goFile       = regexp.MustCompile("`((?:[a-z_]+/)+[a-z_]+\\.go)`")
)

// Tests and source files that the documents name exist, so that one which is renamed
// does not leave its reader searching. `…Ending` stands for names that end so. What
// docs/upstream names is Caddy's and Go's.
func TestNamesOfCodeInTheDocumentsExist(t *testing.T) {
	files, tests := goCode(t)
	named := 0
	for _, document := range allDocuments(t) {
		if strings.HasPrefix(document, "docs/upstream/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, document))
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range testName.FindAllStringSubmatch(string(text), -1) {
			named++
			ending, isEnding := strings.CutPrefix(match[1], "…")
			if !slices.ContainsFunc(tests, func(name string) bool { return name == match[1] || isEnding && strings.HasSuffix(name, ending) }) {
				t.Errorf("%s: there is no test %s", document, match[1])
			}
		}
		for _, match := range goFile.FindAllStringSubmatch(string(text), -1) {
			named++
			if !slices.ContainsFunc(files, func(file string) bool { return strings.HasSuffix("/"+file, "/"+match[1]) }) {
				t.Errorf("%s: there is no file %s", document, match[1])
			}
		}
	}
	if named == 0 {
		t.Error("the documents name no code")
	}
}

// goCode returns the paths of all Go files, and the names of the tests in them.
func goCode(t *testing.T) (files, tests []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		files = append(files, filepath.ToSlash(path))
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, match := range testFunction.FindAllStringSubmatch(string(text), -1) {
			tests = append(tests, match[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, tests
}

// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// directDependency is a line of go.mod that is not indirect.
	directDependency = regexp.MustCompile(`(?m)^(?:require |\t)(\S+\.\S+/\S+) v\S+$`)
	// dependencyRow is a row of the document's table; it may name several modules.
	dependencyRow = regexp.MustCompile("(?m)^\\| ((?:`[^`]+\\.[^`]+/[^`]+`(?:, )?)+) \\|")
)

// The document has a reason for each direct dependency, and for no other.
func TestDependenciesInTheDocumentsAreDirect(t *testing.T) {
	module, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile(filepath.Join(root, "docs/security.md"))
	if err != nil {
		t.Fatal(err)
	}
	var direct, named []string
	for _, match := range directDependency.FindAllStringSubmatch(string(module), -1) {
		direct = append(direct, match[1])
	}
	_, section, _ := strings.Cut(string(document), "\nDirect dependencies")
	for _, match := range dependencyRow.FindAllStringSubmatch(section, -1) {
		for name := range strings.SplitSeq(match[1], ", ") {
			named = append(named, strings.Trim(name, "`"))
		}
	}
	slices.Sort(direct)
	slices.Sort(named)
	if len(direct) == 0 || !slices.Equal(direct, named) {
		t.Errorf("go.mod has\n%s\nthe document\n%s", strings.Join(direct, "\n"), strings.Join(named, "\n"))
	}
}

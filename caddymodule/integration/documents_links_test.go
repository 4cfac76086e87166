// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	fencedCode = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	inlineCode = regexp.MustCompile("`[^`\n]*`")
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)|(?m)^\[[^\]]+\]: (\S+)$`)
	heading    = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *#*$`)
	linkText   = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)
)

// Every relative link in the documents leads to a file or directory of the
// repository, and every anchor to a heading there.
func TestLinksInTheDocumentsLeadSomewhere(t *testing.T) {
	texts := make(map[string]string)
	for _, document := range allDocuments(t) {
		text, err := os.ReadFile(filepath.Join(root, document))
		if err != nil {
			t.Fatal(err)
		}
		texts[document] = fencedCode.ReplaceAllString(string(text), "")
	}
	found := 0
	for document, text := range texts {
		for _, match := range link.FindAllStringSubmatch(inlineCode.ReplaceAllString(text, ""), -1) {
			target := match[1] + match[2]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			found++
			name, anchor, hasAnchor := strings.Cut(target, "#")
			to := document
			if name != "" {
				to = path.Join(path.Dir(document), name)
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil || strings.HasPrefix(to, "../") {
				t.Errorf("%s: there is no %s", document, target)
			} else if hasAnchor && !anchors(texts[to])[anchor] {
				t.Errorf("%s: there is no heading for %s", document, target)
			}
		}
	}
	if found == 0 {
		t.Error("no links were found")
	}
}

// anchors returns those of a document's headings, without the code blocks, as GitHub
// makes them: of equal ones, the second ends in -1.
func anchors(text string) map[string]bool {
	all := make(map[string]bool)
	for _, match := range heading.FindAllStringSubmatch(text, -1) {
		anchor := anchorOf(match[1])
		for i := 1; all[anchor]; i++ {
			anchor = fmt.Sprintf("%s-%d", anchorOf(match[1]), i)
		}
		all[anchor] = true
	}
	return all
}

// anchorOf returns the anchor of a heading: its text in lower case, with hyphens for
// spaces, and without anything else but letters, digits, hyphens and underscores.
func anchorOf(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		default:
			return -1
		}
	}, linkText.ReplaceAllString(heading, "$1"))
}

func TestAnchorsAreGitHubs(t *testing.T) {
	const text = "# Some `code_name`, and more\n\n## A [link](https://example.com) here\n\n## Twice\n\n## Twice\n\n### One - two\n"
	got := anchors(text)
	for _, want := range []string{"some-code_name-and-more", "a-link-here", "twice", "twice-1", "one---two"} {
		if !got[want] {
			t.Errorf("there is no %s in %v", want, got)
		}
	}
	if len(got) != 5 {
		t.Errorf("got %v", got)
	}
}

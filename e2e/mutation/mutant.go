// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// mutant is one change of one file.
type mutant struct {
	File        string `json:"file"` // its name, in the package's directory
	Line        int    `json:"line"`
	Column      int    `json:"column"`
	Operator    string `json:"operator"`
	Before      string `json:"before"`
	After       string `json:"after"`
	from, until int    // offsets of Before in the file
}

// String returns it as a compiler writes a position.
func (m *mutant) String() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s -> %s", m.File, m.Line, m.Column, m.Operator, oneLine(m.Before), oneLine(m.After))
}

// mutantKey tells mutants apart.
type mutantKey struct {
	file         string
	line, column int
	after        string
}

func (m *mutant) key() mutantKey { return mutantKey{m.File, m.Line, m.Column, m.After} }

// oneLine returns the beginning of a text on one line.
func oneLine(text string) string {
	const most = 80
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = text[:most] + "..."
	}
	return text
}

// apply returns a file's text with the change.
func (m *mutant) apply(source []byte) []byte {
	return slices.Concat(source[:m.from], []byte(m.After), source[m.until:])
}

// mutantsIn returns all mutants of a package's files that are no tests, in the order of
// files and lines. skipped are names of files to leave out.
func mutantsIn(directory string, skipped []string) ([]mutant, error) {
	names, err := filepath.Glob(filepath.Join(directory, "*.go"))
	if err != nil {
		return nil, err
	}
	var all []mutant
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || slices.Contains(skipped, filepath.Base(name)) {
			continue
		}
		source, err := os.ReadFile(name) //nolint:gosec // of the package that the user names
		if err != nil {
			return nil, err
		}
		found, err := mutantsOf(filepath.Base(name), source)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// mutantsOf returns the mutants of one file.
func mutantsOf(name string, source []byte) ([]mutant, error) {
	f := finder{name: name, source: source, files: token.NewFileSet(), beside: make(map[ast.Node]bool)}
	file, err := parser.ParseFile(f.files, name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	ast.Inspect(file, func(node ast.Node) bool {
		f.visit(node)
		return true
	})
	slices.SortStableFunc(f.found, func(a, b mutant) int {
		return cmp.Or(a.from-b.from, a.until-b.until, strings.Compare(a.After, b.After))
	})
	return slices.CompactFunc(f.found, func(a, b mutant) bool {
		return a.from == b.from && a.until == b.until && a.After == b.After
	}), nil
}

// finder collects the mutants of a file.
type finder struct {
	name   string
	source []byte
	files  *token.FileSet
	found  []mutant
	beside map[ast.Node]bool // what is returned beside an error
}

// replace adds a mutant that has other text between two positions.
func (f *finder) replace(from, until token.Pos, operator, after string) {
	position := f.files.Position(from)
	end := f.files.Position(until).Offset
	f.found = append(f.found, mutant{
		File: f.name, Line: position.Line, Column: position.Column, Operator: operator,
		Before: string(f.source[position.Offset:end]), After: after, from: position.Offset, until: end,
	})
}

// text returns what the source has for a node.
func (f *finder) text(node ast.Node) string {
	return string(f.source[f.files.Position(node.Pos()).Offset:f.files.Position(node.End()).Offset])
}

// literal adds the neighbours of a number or a character.
func (f *finder) literal(literal *ast.BasicLit) {
	replace := func(after string) { f.replace(literal.Pos(), literal.End(), "constant", after) }
	switch literal.Kind { //nolint:exhaustive // texts stay: most are messages, and tables of names are their own specification
	case token.INT:
		value, err := strconv.ParseUint(literal.Value, 0, 64)
		if err != nil {
			return
		}
		replace(strconv.FormatUint(value+1, 10))
		if value > 0 {
			replace(strconv.FormatUint(value-1, 10))
		}
	case token.FLOAT:
		replace("(" + literal.Value + " * 2)")
	case token.CHAR:
		replace("(" + literal.Value + " + 1)")
	}
}

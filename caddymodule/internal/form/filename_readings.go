// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"html"
	"regexp"
	"slices"
)

// addReadings adds a file name as it is, and as servers may decode it. Of a part in doubt,
// there is nothing more to know.
func (f *fileNames) addReadings(name []byte) {
	f.part.Doubtful = f.part.Doubtful || len(name) > maxFileName
	if f.part.Doubtful {
		return
	}
	for _, reading := range readings(name) {
		f.addCuts(reading)
		if bytes.IndexByte(reading, '\\') >= 0 {
			f.addCuts(quotedPair.ReplaceAll(reading, []byte("$1")))
			// Python replaces the two kinds of pairs one after the other.
			f.addCuts(bytes.ReplaceAll(bytes.ReplaceAll(reading, []byte(`\\`), backslash), []byte(`\"`), []byte(`"`)))
		}
	}
	if bytes.IndexByte(name, '\'') >= 0 {
		if text := withoutCharset(name); text != nil {
			f.part.Doubtful = f.part.Doubtful || hidesASCII(string(name[:bytes.IndexByte(name, '\'')]))
			f.addCuts(text)
			for _, decoded := range decodings(text) {
				f.addCuts(decoded)
			}
		}
	}
	if bytes.IndexByte(name, '&') >= 0 { // browsers write so what a page's charset does not have
		f.addCuts([]byte(html.UnescapeString(string(name))))
	}
}

var quotedPair = regexp.MustCompile(`(?s)\\(.)`)

// addCuts adds a file name as it is, and as servers cut it: at a control character,
// before which a line or a string ends, and at the separators of a path.
func (f *fileNames) addCuts(name []byte) {
	f.add(name)
	if i := bytes.IndexFunc(name, isNameControl); i >= 0 {
		f.add(name[:i])
		f.add(bytes.Map(func(c rune) rune {
			if isNameControl(c) {
				return -1
			}
			return c
		}, name))
	}
	for _, separators := range []string{"/", `\`, `/\`} {
		if bytes.ContainsAny(name, separators) {
			name := bytes.TrimRight(name, separators)
			f.add(name[bytes.LastIndexAny(name, separators)+1:])
		}
	}
}

// isNameControl reports whether c is a control character.
func isNameControl(c rune) bool { return c < ' ' || c == 0x7f }

// add adds a file name without blanks around it, unless it is there.
func (f *fileNames) add(name []byte) {
	name = bytes.Trim(name, " \t\r\n")
	if len(name) == 0 || slices.ContainsFunc(f.part.FileNames, func(other string) bool { return string(name) == other }) {
		return
	}
	if len(f.part.FileNames) == maxFileNames {
		f.part.Doubtful = true
		return
	}
	f.part.FileNames = append(f.part.FileNames, string(name))
}

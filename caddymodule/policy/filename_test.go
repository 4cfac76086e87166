// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Invariant 11: the short way through plain names finds what the long way does. All names of
// up to five of the signs that matter are tried.
func TestInvariant11PlainNamesAreReadAsAllOthers(t *testing.T) {
	signs := strings.Split("a|G|7|.|-|::$| |%|2E|/|\\|\x00|é", "|")
	plain := 0
	var try func(name string, more int)
	try = func(name string, more int) {
		if more > 0 {
			for _, sign := range signs {
				try(name+sign, more-1)
			}
		}
		extension, isPlain := plainExtension(name)
		if !isPlain {
			return
		}
		plain++
		var found []string
		readControls(name, func(extension string) { found = append(found, extension) })
		if extension == "" && len(found) > 0 || extension != "" && !slices.Equal(found, []string{extension}) {
			t.Fatalf("%q: %q, the long way %q", name, extension, found)
		}
	}
	try("", 5)
	if plain < 1000 {
		t.Errorf("only %d names were plain", plain)
	}
}

// serversKeep are what servers keep of a name before they look for its extension.
var serversKeep = map[string]func(string) string{
	"it as it is":                func(name string) string { return name },
	"all but hyphens":            func(name string) string { return strings.ReplaceAll(name, "-", "") },
	"all but blanks":             func(name string) string { return strings.Join(strings.Fields(name), "") },
	"letters and digits alone":   keepWhere(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '.' }),
	"what is printed":            keepWhere(unicode.IsPrint),
	"all but marks":              keepWhere(func(r rune) bool { return !unicode.IsMark(r) }),
	"ASCII alone":                asciiAlone,
	"ASCII of NFC":               func(name string) string { return asciiAlone(norm.NFC.String(name)) },
	"ASCII of NFD":               func(name string) string { return asciiAlone(norm.NFD.String(name)) },
	"ASCII of NFKC":              func(name string) string { return asciiAlone(norm.NFKC.String(name)) },
	"ASCII of NFKD":              func(name string) string { return asciiAlone(norm.NFKD.String(name)) },
	"ASCII words of NFKD":        func(name string) string { return notInWords.ReplaceAllString(norm.NFKD.String(name), "") },
	"what Werkzeug calls secure": secureFilename,
}

var (
	asciiAlone = keepWhere(func(r rune) bool { return r < utf8.RuneSelf })
	notInWords = regexp.MustCompile(`[^A-Za-z0-9_.]`)
	unsafe     = regexp.MustCompile(`[^A-Za-z0-9_.-]`)
)

func keepWhere(keeps func(rune) bool) func(string) string {
	return func(name string) string {
		return strings.Map(func(r rune) rune {
			if keeps(r) {
				return r
			}
			return -1
		}, name)
	}
}

func secureFilename(name string) string {
	name = strings.ReplaceAll(asciiAlone(norm.NFKD.String(name)), "/", " ")
	name = unsafe.ReplaceAllString(strings.Join(strings.Fields(name), "_"), "")
	return strings.Trim(name, "._")
}

// Invariant 11: whatever a server drops of a name, what it then takes for the extension of a
// known type was found. Up to two signs are put into a name, wherever.
func TestInvariant11NoSignHidesAnExtension(t *testing.T) {
	signs := []string{"-", "_", " ", "/", ".", "\u00a0", "\u200b", "\u0301", "\u3164", "é", "я", "ｅ", "…"}
	requireFound := func(name string) {
		t.Helper()
		var found []string
		fileExtensions(name, func(extension string) { found = append(found, extension) })
		for server, read := range serversKeep {
			safe := strings.TrimRight(read(name), ". ")
			extension := asciiLower(safe[strings.LastIndexByte(safe, '.')+1:])
			if len(extensionTypes[extension]) > 0 && strings.Contains(safe, ".") && !slices.Contains(found, extension) {
				t.Fatalf("%q is %q to a server that keeps %s, and found is %q", name, extension, server, found)
			}
		}
	}
	insert := func(name string, at int, sign string) string { return name[:at] + sign + name[at:] }
	for _, name := range []string{"a.exe", "a.p.7z", "a.ｄｂ", "a.PHPé"} {
		for at := range len(name) + 1 {
			for _, sign := range signs {
				once := insert(name, at, sign)
				for second := at; second <= len(once); second++ {
					for _, sign := range signs {
						requireFound(insert(once, second, sign))
					}
				}
			}
		}
	}
}

// Names that end in no extension to any server: what is behind their last dot is none.
func TestNamesWithoutAnExtension(t *testing.T) {
	for _, name := range []string{
		"my.photo-2024.final version", "scan 01.02.2024", "Mr. Smith's photo", "Report 3.12", "Report v1.2 (3)", "Screenshot 2024-05-01 at 10.32.15 PM",
		"photo.jpg@2x", "photo.png (1)", "No. 7 - the house", "St. Moritz, 2nd day", "Vol. 2", "Отчёт. Версия 2", "фото.снимок", "写真.２０２４", "beach.\u2600\ufe0f",
		"100%", "100%.50%", "a.b-c d_e", "blob", "",
	} {
		fileExtensions(name, func(extension string) { t.Errorf("%q: %s", name, extension) })
	}
}

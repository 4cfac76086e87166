// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// keptEnding is what readEndings finds, by the package that normalizes: of the normalized name,
// the letters and digits of ASCII behind the last dot with any behind it.
func keptEnding(name string) string {
	kept := strings.Map(func(r rune) rune {
		if r == '.' || r < utf8.RuneSelf && isAlphanumeric(byte(r)) {
			return r
		}
		return -1
	}, name)
	kept = strings.TrimRight(kept, ".")
	dot := strings.LastIndexByte(kept, '.')
	if extension := kept[dot+1:]; dot >= 0 && len(extension) <= maxExtension {
		return asciiLower(extension)
	}
	return ""
}

func TestEndingsAreThoseOfTheNormalizedName(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 17)) //nolint:gosec // repeatable
	signs := strings.Split("a|E|p|h|1|.|-| |é|ṕ|\u0301|\u0301|\u0316|\u0327|\u031b|\u0323|\u0344|\u0341|\u034f|\u200b|ｅ|ﬁ|…|\u2024|ﷺ|각|\u212a|ộ|ẚ|´|\xff|я|\u0305|\u20dd|½|", "|")
	for range 50000 {
		var name string
		for range 1 + random.IntN(9) {
			name += signs[random.IntN(len(signs))]
		}
		var e endings
		e.read(name)
		for _, c := range []struct {
			form       string
			normalized string
			read       *ending
		}{
			{"none", name, &e.ascii},
			{"NFD", norm.NFD.String(name), &e.canonical.apart},
			{"NFC", norm.NFC.String(name), &e.canonical.whole},
			{"NFKD", norm.NFKD.String(name), &e.compatible.apart},
			{"NFKC", norm.NFKC.String(name), &e.compatible.whole},
		} {
			if expected := keptEnding(c.normalized); string(c.read.extension()) != expected {
				t.Fatalf("%q, form %s: %q, and not %q", name, c.form, c.read.extension(), expected)
			}
		}
	}
}

func TestAllLettersThatComposeAreKnown(t *testing.T) {
	for r := rune(utf8.RuneSelf); r <= unicode.MaxRune; r++ {
		var parts marks
		decomposed := []rune(norm.NFD.String(string(r)))
		if len(decomposed) != 2 || decomposed[0] >= utf8.RuneSelf || !isAlphanumeric(byte(decomposed[0])) || norm.NFC.String(string(decomposed)) != string(r) {
			continue
		}
		parts.put(decomposed[1], norm.NFD.PropertiesString(string(decomposed[1])))
		if !parts.compose(byte(decomposed[0])) {
			t.Errorf("%q, of %q", r, decomposed)
		}
	}
}

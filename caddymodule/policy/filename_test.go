// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
	"testing"
)

// Invariant 11: the short way through plain names finds what the long way does. All names of
// up to five of the signs that matter are tried.
func TestInvariant11PlainNamesAreReadAsAllOthers(t *testing.T) {
	signs := strings.Split("a|G|7|.|-| |%|2E|/|\\|\x00|é", "|")
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

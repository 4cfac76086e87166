// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"
)

func TestSearchFindsThePatternWhereverItStands(t *testing.T) {
	for name, boundary := range searchBoundaries {
		pattern := []byte("--" + boundary)
		var s search
		s.prepare(pattern)
		t.Cleanup(s.release)
		for family, data := range searchFamilies(3*wordTurn, boundary) {
			for _, length := range []int{0, 1, len(pattern) - 1, len(pattern), len(pattern) + 1, 1 << 10, wordTurn + 1, len(data)} {
				checkFound(t, &s, fmt.Sprint(name, " not in ", family), data[:length])
			}
			for at := 0; at+len(pattern) <= len(data); at += 1 + at/8 {
				holding := bytes.Clone(data)
				copy(holding[at:], pattern)
				checkFound(t, &s, fmt.Sprint(name, " in ", family), holding)
				checkFound(t, &s, fmt.Sprint(name, " at the end of ", family), holding[:at+len(pattern)])
			}
		}
	}
}

func TestSearchFindsThePatternWhereTurnsEnd(t *testing.T) {
	pattern := []byte("--" + searchBoundaries["uuid"])
	var s search
	s.prepare(pattern)
	t.Cleanup(s.release)
	for _, filler := range []string{"-", ".", "-.", string(pattern[len(pattern)-wordLength:])} {
		data := bytes.Repeat([]byte(filler), (firstByteTurn+wordTurn)/len(filler))
		for _, turn := range []int{wordTurn, firstByteTurn} {
			for at := turn - 3*len(pattern); at < turn+3*len(pattern); at++ {
				before := bytes.Clone(data[at:][:len(pattern)])
				copy(data[at:], pattern)
				checkFound(t, &s, fmt.Sprintf("after %q", filler), data)
				copy(data[at:], before)
			}
		}
	}
}

func checkFound(t *testing.T, s *search, what string, data []byte) {
	t.Helper()
	if got, want := s.index(data), bytes.Index(data, s.pattern); got != want {
		t.Errorf("%s, %d bytes: found at %d, want %d", what, len(data), got, want)
	}
}

func TestSearchHasWordsOfTheBoundariesOfClients(t *testing.T) {
	for name, want := range map[string]int{
		"chrome": 33, "firefox": 27, "curl": 23, "old curl": 17, "uuid": 31, "go": 55, "shortest": 13, "longest": 65, "repeated": 24,
		"perl": 0, "one": 0, "periodic": 0, "dashes": 0, // which are searched for with bytes.Index
	} {
		var s search
		s.prepare([]byte("--" + searchBoundaries[name]))
		if s.words == nil && want > 0 || s.words != nil && s.stride != want {
			t.Errorf("%s: got a stride of %d", name, s.stride)
		}
		s.release()
	}
}

// BenchmarkSearch compares the search for a boundary with that of bytes.Index,
// on the same data: benchstat -col /way.
func BenchmarkSearch(b *testing.B) {
	const size = 256 << 10
	for _, name := range slices.Sorted(maps.Keys(searchBoundaries)) {
		pattern := []byte("--" + searchBoundaries[name])
		var s search
		s.prepare(pattern)
		b.Cleanup(s.release)
		ways := map[string]func(data []byte) int{
			"search":      s.index,
			"bytes.Index": func(data []byte) int { return bytes.Index(data, pattern) },
		}
		families := searchFamilies(size, searchBoundaries[name])
		for _, family := range slices.Sorted(maps.Keys(families)) {
			data := families[family]
			for _, way := range slices.Sorted(maps.Keys(ways)) {
				b.Run(name+"/"+family+"/way="+way, func(b *testing.B) {
					b.SetBytes(size)
					for b.Loop() {
						if i := ways[way](data); i >= 0 {
							b.Fatalf("found at %d", i)
						}
					}
				})
			}
		}
	}
}

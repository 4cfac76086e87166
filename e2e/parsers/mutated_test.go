// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"flag"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	formsFlag  = flag.Int("forms", 3000, "how many mutated forms to check")
	seedFlag   = flag.Uint64("seed", 1, "what the mutated forms are made of")
	fromFlag   = flag.Uint64("from", 0, "the number of the first")
	smallFlag  = flag.Bool("small", true, "make failing forms smaller before they are reported")
	reportFlag = flag.Int("report", 20, "how many failing kinds to report in full")
)

// batch is how many forms all parsers read at one time.
const batch = 200

// Forms made by a grammar, with each of the properties.
func TestMutatedForms(t *testing.T) {
	s, e := theSuite(t), newEditor(t)
	table, seen, began := make(refusals), make(map[string]int), time.Now()
	passed, failed := 0, 0
	for first := *fromFlag; first < *fromFlag+uint64(*formsFlag); first += batch {
		count := min(batch, *fromFlag+uint64(*formsFlag)-first)
		mutants, clients := make([]mutant, count), make([]request, count)
		for i := range mutants {
			mutants[i] = newMutant(*seedFlag, first+uint64(i))
			clients[i] = mutants[i].request
		}
		for i, c := range s.check(t, e, clients, rand.New(rand.NewPCG(*seedFlag, first))) {
			if c.outcome.refused == "" {
				passed++
			} else {
				table.add(&c)
			}
			if len(c.failures) == 0 {
				continue
			}
			failed++
			kind := c.kind()
			if seen[kind]++; seen[kind] == 1 && len(seen) <= *reportFlag {
				small := &c
				if *smallFlag {
					small = s.minimise(t, e, small)
				}
				t.Errorf("form %d of seed %d (%s)\n%s", first+uint64(i), *seedFlag, strings.Join(mutants[i].kinds, "; "), s.report(small))
			}
		}
	}
	table.print()
	t.Logf("%d forms in %s: %d passed on, %d failed", *formsFlag, time.Since(began).Round(time.Millisecond), passed, failed)
	for _, kind := range slices.Sorted(maps.Keys(seen)) {
		t.Errorf("%6d of %s", seen[kind], kind)
	}
}

// kind names the way in which a form fails.
func (c *checked) kind() string {
	first := c.failures[0]
	if first.property == refusalProperty {
		return "P4: " + reason(c.outcome)
	}
	return string(first.property) + " " + first.parser
}

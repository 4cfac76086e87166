// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"flag"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var (
	longFlag   = flag.Bool("long", false, "check far more forms, for an hour or two; needs -timeout")
	formsFlag  = flag.Int("forms", 0, "how many mutated forms to check (default 3000, or 100000 with -long)")
	bytesFlag  = flag.Int("bytes", 0, "how many single-byte changes of a template to check (default 200, or all with -long)")
	seedFlag   = flag.Uint64("seed", 1, "what the mutated forms are made of, and the changes taken by")
	smallFlag  = flag.Bool("small", true, "make failing forms smaller before they are reported")
	reportFlag = flag.Int("report", 20, "how many failing kinds to report in full")
)

// ofFlag returns how many there are to be: as a flag says, or else by -long.
func ofFlag(value, short, long int) int {
	switch {
	case value != 0:
		return value
	case *longFlag:
		return long
	}
	return short
}

// batch is how many forms all parsers read at one time.
const batch = 200

// survey checks very many forms, and counts what fails, by kind.
type survey struct {
	s              *suite
	e              *editor
	table          refusals
	kinds          map[string]int
	began          time.Time
	passed, failed int
	refused        int
}

func newSurvey(t *testing.T) *survey {
	t.Helper()
	return &survey{s: theSuite(t), e: newEditor(t), table: make(refusals), kinds: make(map[string]int), began: time.Now()}
}

// check checks forms. The first of each kind that fails is reported in full, with
// what describe says of it.
func (v *survey) check(t *testing.T, clients []request, random *rand.Rand, describe func(i int) string) {
	t.Helper()
	for i, c := range v.s.check(t, v.e, clients, random) {
		if c.outcome.refused == "" {
			v.passed++
		} else {
			v.refused++
			v.table.add(&c)
		}
		if len(c.failures) == 0 {
			continue
		}
		v.failed++
		kind := c.kind()
		if v.kinds[kind]++; v.kinds[kind] == 1 && len(v.kinds) <= *reportFlag {
			small := &c
			if *smallFlag {
				small = v.s.minimise(t, v.e, small)
			}
			t.Errorf("%s\n%s", describe(i), v.s.report(small))
		}
	}
}

// finish prints the counts.
func (v *survey) finish(t *testing.T) {
	t.Helper()
	v.table.print()
	t.Logf("%d forms in %s: %d passed on, %d failed", v.passed+v.refused, time.Since(v.began).Round(time.Millisecond), v.passed, v.failed)
	for _, kind := range slices.Sorted(maps.Keys(v.kinds)) {
		t.Errorf("%6d of %s", v.kinds[kind], kind)
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

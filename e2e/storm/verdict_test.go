// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"
	"testing"
)

// calm are uploads of a storm in which all is well: one of each ending, and what the upstream may
// have of it.
func calm() (ledger []sent, has []kept) {
	add := func(s sent, k kept) {
		id := byte(len(ledger) + 1)
		s.began, s.digest = true, digest{id}
		if k.times > 0 {
			k.digest, k.receipt = s.digest, int32(id)
		}
		if s.ending == accepted {
			s.receipt = int32(id)
		}
		ledger, has = append(ledger, s), append(has, k)
	}
	add(sent{ending: accepted}, kept{times: 1})
	add(sent{ending: rejected}, kept{})
	add(sent{ending: refused, flaw: unknownProject}, kept{})
	add(sent{ending: refused, sourceDown: true}, kept{})
	add(sent{ending: incomplete, flaw: endsEarly}, kept{})
	add(sent{ending: unsent}, kept{})
	for _, times := range []int32{0, 1} { // either
		add(sent{ending: failed}, kept{times: times})
		add(sent{ending: left, flaw: leavesLate}, kept{times: times})
		add(sent{ending: broken, disturbed: true}, kept{times: times})
		add(sent{ending: broken}, kept{times: times, cut: true})
	}
	add(sent{ending: left, flaw: leaves}, kept{})
	return ledger, has
}

// find returns the place of the first upload with an ending.
func find(ledger []sent, with ending) int {
	return slices.IndexFunc(ledger, func(s sent) bool { return s.ending == with })
}

func TestACalmHasNoViolation(t *testing.T) {
	t.Parallel()
	if found := judge(calm()); len(found) > 0 {
		t.Errorf("found %v", found)
	}
}

func TestEachPlantedViolationIsFound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		of    ending
		plant func(*sent, *kept)
		want  string
	}{
		"an accepted file that is lost":              {accepted, func(_ *sent, k *kept) { *k = kept{} }, "it is lost"},
		"one that is there twice":                    {accepted, func(_ *sent, k *kept) { k.times = 2 }, "stored 2 times"},
		"one of which the client was misled":         {accepted, func(_ *sent, k *kept) { k.receipt++ }, "told of another file"},
		"a changed byte":                             {accepted, func(_ *sent, k *kept) { k.digest[15]++ }, "not what its client sent"},
		"two contents":                               {accepted, func(_ *sent, k *kept) { k.unequal = true }, "not what its client sent"},
		"a refused file that is stored":              {refused, func(s *sent, k *kept) { *k = kept{times: 1, digest: s.digest} }, "told that it was refused, and it was stored"},
		"a rejected one":                             {rejected, func(s *sent, k *kept) { *k = kept{times: 1, digest: s.digest} }, "told that it was rejected, and it was stored"},
		"one that ended early":                       {incomplete, func(s *sent, k *kept) { *k = kept{times: 1, digest: s.digest} }, "told that it was ended early, and it was stored"},
		"one that was not sent":                      {unsent, func(s *sent, k *kept) { *k = kept{times: 1, digest: s.digest} }, "told that it was not sent, and it was stored"},
		"one that does not exist":                    {accepted, func(s *sent, _ *kept) { *s = sent{} }, "never sent"},
		"a failed file that is there twice":          {failed, func(s *sent, k *kept) { *k = kept{times: 2, digest: s.digest} }, "stored 2 times"},
		"a changed byte of one whose end is unknown": {broken, func(_ *sent, k *kept) { *k = kept{times: 1, cut: true} }, "not what its client sent"},
		"half a file that is stored":                 {left, func(s *sent, k *kept) { s.flaw = leaves; *k = kept{times: 1, digest: s.digest} }, "stored, though it is left midway"},
		"a broken form that is accepted":             {accepted, func(s *sent, _ *kept) { s.flaw = unclosed }, "accepted, though it is not closed"},
		"a sound one that is refused":                {refused, func(s *sent, _ *kept) { s.flaw = sound }, "though nothing is wrong with it"},
		"an arrival without a credential":            {rejected, func(_ *sent, k *kept) { k.unsigned = true }, "without a credential"},
		"no response":                                {failed, func(s *sent, _ *kept) { s.ending = silent }, "no response"},
		"a connection that is lost for nothing":      {broken, func(s *sent, k *kept) { s.disturbed, k.cut = false, false }, "connection was lost"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ledger, has := calm()
			id := find(ledger, test.of)
			test.plant(&ledger[id], &has[id])
			found := judge(ledger, has)
			if len(found) == 0 || !slices.ContainsFunc(found, func(v violation) bool { return strings.Contains(v.what, test.want) }) {
				t.Errorf("found %v, want one of %q", found, test.want)
			}
			for _, v := range found {
				if v.id != id {
					t.Errorf("found %v of another upload than %d", v, id)
				}
			}
		})
	}
}

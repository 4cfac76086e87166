// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
)

// alike returns how many parsers read a form in the way that most of them do,
// with one public key, the same files under the same names and no credential of
// the client's, and how many know bodies of its type.
func (s *suite) alike(client request, originals []reading) (most, all int) {
	ways := make(map[string]int)
	for i, r := range s.readers {
		read := &originals[i]
		if read.unsupported {
			continue
		}
		all++
		if !r.usable(client, read) || slices.ContainsFunc(read.params(), func(p pair) bool { return r.is(p.name, credentialNames) }) {
			continue
		}
		var way []string
		for _, f := range read.files {
			way = append(way, fmt.Sprintf("%q %s", f.name, f.sha256))
		}
		slices.Sort(way)
		ways[strings.Join(way, "\n")]++
	}
	for _, count := range ways {
		most = max(most, count)
	}
	return most, all
}

// someoneSees reports whether a parser sees a credential of the client's in a
// form, or a second public key: then it is refused for a reason, though the
// others do not.
func (s *suite) someoneSees(originals []reading) bool {
	for i, r := range s.readers {
		read := &originals[i]
		if read.failed() {
			continue
		}
		keys := r.publicKeys(read)
		if len(keys) > 1 || len(keys) == 1 && keys[0] != publicKey || slices.ContainsFunc(read.params(), func(p pair) bool { return r.is(p.name, credentialNames) }) {
			return true
		}
	}
	return false
}

// mostReadIt reports whether a form is one that must not be refused: three
// quarters of the parsers read it alike.
func mostReadIt(most, all int) bool { return all > 0 && 4*most >= 3*all }

// refusals counts what is refused, by reason.
type refusals map[string]*refusalCount

type refusalCount struct {
	forms    int
	byAlike  [5]int // none, up to a quarter, a half, three quarters, all
	excepted int
}

// variable are the parts of a message that differ from form to form.
var variable = regexp.MustCompile(`"(\\.|[^"\\])*"|\d+|parameter \S+`)

// reason returns why a request was refused, less what is particular to it.
func reason(outcome edited) string {
	return variable.ReplaceAllString(outcome.refused, "…")
}

func (r refusals) add(c *checked) {
	why := reason(c.outcome)
	count := r[why]
	if count == nil {
		count = new(refusalCount)
		r[why] = count
	}
	count.forms++
	count.byAlike[quarter(c.most, c.all)]++
	if mostReadIt(c.most, c.all) && c.excepted {
		count.excepted++
	}
}

func quarter(most, all int) int {
	switch {
	case most == 0:
		return 0
	case mostReadIt(most, all):
		return 4
	case 2*most >= all:
		return 3
	case 4*most >= all:
		return 2
	}
	return 1
}

// print prints the table.
func (r refusals) print() {
	writer := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(writer, "\nREFUSED BECAUSE\tFORMS\tREAD ALIKE BY NONE\t< 1/4\t< 1/2\t< 3/4\t3/4 OR MORE\tEXCEPTED\t\n")
	for _, why := range slices.Sorted(maps.Keys(r)) {
		c := r[why]
		fmt.Fprintf(writer, "%.110s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", why, c.forms, c.byAlike[0], c.byAlike[1], c.byAlike[2], c.byAlike[3], c.byAlike[4], c.excepted)
	}
	_ = writer.Flush()
}

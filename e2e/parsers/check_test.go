// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// checked is a form with all that is known of it.
type checked struct {
	client    request
	outcome   edited
	originals []reading
	editeds   []reading // nil if it is refused
	rereads   []reading // of the original under the Content-Type that left; nil if it is the same
	failures  []failure
	most, all int  // parsers that read the original alike, of all
	excepted  bool // it may be refused though most do
}

// isRewritten reports whether the Content-Type was written anew.
func (c *checked) isRewritten() bool {
	return c.outcome.refused == "" && len(c.client.body) > 0 && !slices.Equal(c.client.contentType, c.outcome.left.contentType)
}

// check edits forms, and has all parsers read them as they are and as they leave.
func (s *suite) check(t *testing.T, e *editor, forms []request, random *rand.Rand) []checked {
	t.Helper()
	e.renew(t)
	results := make([]checked, len(forms))
	messages := make([]message, 0, 2*len(forms))
	for i, client := range forms {
		outcome, problems := e.editSliced(client, random)
		results[i] = checked{client: client, outcome: outcome}
		for _, problem := range problems {
			results[i].failures = append(results[i].failures, failure{lengthProperty, "", problem})
		}
		messages = append(messages, client.message())
		if outcome.refused == "" {
			messages = append(messages, outcome.left.message())
		}
		if results[i].isRewritten() {
			anew := client
			anew.contentType = outcome.left.contentType
			messages = append(messages, anew.message())
		}
	}
	readings := s.read(t, messages)
	for i := range results {
		c := &results[i]
		c.originals, readings = readings[0], readings[1:]
		c.most, c.all = s.alike(c.client, c.originals)
		if c.outcome.refused == "" {
			c.editeds, readings = readings[0], readings[1:]
			if c.isRewritten() {
				c.rereads, readings = readings[0], readings[1:]
			}
			c.failures = append(c.failures, s.judge(c)...)
			continue
		}
		c.excepted = excepted(c.client, c.outcome.refused) || s.someoneSees(c.originals)
		if mostReadIt(c.most, c.all) && !c.excepted {
			what := fmt.Sprintf("%d of %d parsers read it alike, and it is refused: %s", c.most, c.all, c.outcome.refused)
			c.failures = append(c.failures, failure{refusalProperty, "", what})
		}
	}
	return results
}

// maxShown is of how many parsers a report shows the readings.
const maxShown = 4

// report describes what is wrong with a form: the request, what left, and what
// the parsers concerned have read of both.
func (s *suite) report(c *checked) string {
	text, shown := "", 0
	for _, f := range c.failures {
		text += fmt.Sprintf("%s %s: %s\n", f.property, f.parser, f.what)
	}
	text += "\n--- request\n" + c.client.String()
	if c.outcome.refused != "" {
		text += "\n--- refused: " + c.outcome.refused + "\n"
	} else {
		text += "\n--- left\n" + c.outcome.left.String()
	}
	for i, r := range s.readers {
		for _, f := range c.failures {
			if f.parser == r.name && shown < maxShown {
				shown++
				text += fmt.Sprintf("--- %s\n  original: %s\n", r.name, &c.originals[i])
				if c.editeds != nil {
					text += fmt.Sprintf("  edited:   %s\n", &c.editeds[i])
				}
				break
			}
		}
	}
	return text
}

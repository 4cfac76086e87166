// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// template is a text of a request that is changed at every byte.
type template struct {
	name, text string
	request    func(text string) request
}

// Changes of one place: each byte before it, itself gone, each other byte instead.
const (
	insertions = 256
	perPlace   = insertions + 1 + 255
)

// changes returns how many single-byte changes there are. At the end, bytes can be
// put in only.
func (t *template) changes() int { return len(t.text)*perPlace + insertions }

// changed returns the text with one change, and what it is.
func (t *template) changed(number int) (text, what string) {
	at, change := number/perPlace, number%perPlace
	before, behind := t.text[:at], t.text[at:]
	switch {
	case change < insertions:
		return before + string([]byte{byte(change)}) + behind, fmt.Sprintf("%#02x before byte %d", change, at)
	case change == insertions:
		return before + behind[1:], fmt.Sprintf("without byte %d", at)
	}
	c := behind[0] + byte(change-insertions)
	return before + string([]byte{c}) + behind[1:], fmt.Sprintf("%#02x for byte %d", c, at)
}

// sample returns numbers of changes: some, or all with -long.
func (t *template) sample(random *rand.Rand) []int {
	numbers := random.Perm(t.changes())
	if n := ofFlag(*bytesFlag, 200, len(numbers)); n < len(numbers) {
		numbers = numbers[:n]
	}
	slices.Sort(numbers)
	return numbers
}

// Every byte of what credentials, files and forms are recognised by, put in, taken
// out and replaced by every other, with each of the properties.
func TestSingleByteChanges(t *testing.T) {
	random, slicing := rand.New(rand.NewPCG(*seedFlag, 17)), rand.New(rand.NewPCG(*seedFlag, 19))
	survey := newSurvey(t)
	for _, template := range templates() {
		passed, failed := survey.passed, survey.failed
		numbers := template.sample(random)
		for numbers := range slices.Chunk(numbers, batch) {
			clients := make([]request, len(numbers))
			for i, number := range numbers {
				text, _ := template.changed(number)
				clients[i] = template.request(text)
			}
			survey.check(t, clients, slicing, func(i int) string {
				_, what := template.changed(numbers[i])
				return fmt.Sprintf("%s: change %d, %s", template.name, numbers[i], what)
			})
		}
		t.Logf("%s: %d of %d changes: %d passed on, %d failed", template.name, len(numbers), template.changes(), survey.passed-passed, survey.failed-failed)
	}
	survey.finish(t)
}

// The same for a field that a policy forces, with the properties of [TestForcedFields].
func TestSingleByteChangesOfForcedFields(t *testing.T) {
	checkChanges(t, fieldTemplates(forcedUser[0]), func(s *suite, forms []request) { s.checkForced(t, forms) })
}

// And for one that a policy judges, with that of [TestValuesOfJudgedFieldsAreKnown].
func TestSingleByteChangesOfJudgedFields(t *testing.T) {
	checkChanges(t, fieldTemplates("source_url"), func(s *suite, forms []request) { s.checkJudged(t, forms) })
}

func checkChanges(t *testing.T, templates []template, check func(s *suite, forms []request)) {
	t.Helper()
	s, random := theSuite(t), rand.New(rand.NewPCG(*seedFlag, 18))
	for _, template := range templates {
		numbers := template.sample(random)
		t.Logf("%s: %d of %d changes", template.name, len(numbers), template.changes())
		for numbers := range slices.Chunk(numbers, 10*batch) {
			forms := make([]request, len(numbers))
			for i, number := range numbers {
				text, _ := template.changed(number)
				forms[i] = template.request(text)
			}
			check(s, forms)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var fromFlag = flag.Uint64("from", 0, "the number of the first mutated form")

// Forms made by a grammar, with each of the properties.
func TestMutatedForms(t *testing.T) {
	survey, forms := newSurvey(t), uint64(ofFlag(*formsFlag, 3000, 100_000)) //nolint:gosec // a count
	for first := *fromFlag; first < *fromFlag+forms; first += batch {
		count := min(batch, *fromFlag+forms-first)
		mutants, clients := make([]mutant, count), make([]request, count)
		for i := range mutants {
			mutants[i] = newMutant(*seedFlag, first+uint64(i))
			clients[i] = mutants[i].request
		}
		survey.check(t, clients, rand.New(rand.NewPCG(*seedFlag, first)), func(i int) string {
			return fmt.Sprintf("form %d of seed %d (%s)", first+uint64(i), *seedFlag, strings.Join(mutants[i].kinds, "; "))
		})
	}
	survey.finish(t)
}

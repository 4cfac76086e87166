// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// summary counts cases. It is safe for concurrent use.
type summary struct {
	mu          sync.Mutex
	cases       int
	alike       int
	faults      map[string]bool
	stockFaults []string
	differences map[string]int // how often each occurs
	examples    map[string][]string
}

// failed notes a case at which our gateway was at fault.
func (s *summary) failed(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults == nil {
		s.faults = make(map[string]bool)
	}
	s.faults[name] = true
}

// add counts a case.
func (s *summary) add(name string, ours, stock *outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cases++
	differences := ours.differences(stock)
	if len(differences) == 0 {
		s.alike++
	}
	if s.differences == nil {
		s.differences, s.examples = make(map[string]int), make(map[string][]string)
	}
	for _, difference := range differences {
		s.differences[difference]++
		s.examples[difference] = append(s.examples[difference], name)
	}
	for _, fault := range stock.faults {
		s.stockFaults = append(s.stockFaults, name+": "+fault)
	}
}

// String lists what was counted.
func (s *summary) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var text strings.Builder
	fmt.Fprintf(&text, "%d cases; ours differs from stock in %d, and is at fault in %d; stock is at fault in %d", s.cases, s.cases-s.alike, len(s.faults), len(s.stockFaults))
	for _, difference := range slices.Sorted(maps.Keys(s.differences)) {
		examples := slices.Sorted(slices.Values(s.examples[difference]))
		fmt.Fprintf(&text, "\n  %4d: %s: %s", s.differences[difference], difference, strings.Join(examples[:min(3, len(examples))], "; "))
	}
	slices.Sort(s.stockFaults)
	for _, fault := range s.stockFaults {
		fmt.Fprintf(&text, "\n  stock: %.300s", fault)
	}
	return text.String()
}

// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"testing"
)

// attempts is how often a case is tried that comes out worse than with stock. Which of a
// client's frames and the server's come first is chance, and the more so the busier the
// machine; what is due to our gateway happens each time.
const attempts = 3

// findings are what our gateway did wrong in a case.
type findings struct {
	broken []string // what may never happen
	worse  []string // than with stock, or than the case says
}

func (f *findings) breaks(format string, arguments ...any) {
	f.broken = append(f.broken, fmt.Sprintf(format, arguments...))
}

func (f *findings) isWorse(format string, arguments ...any) {
	f.worse = append(f.worse, fmt.Sprintf(format, arguments...))
}

// see adds what may never happen, whatever the case.
func (f *findings) see(ours *outcome) {
	for _, fault := range ours.faults {
		f.breaks("%s", fault)
	}
	for _, a := range ours.arrivals {
		if why := a.improper(); why != "" {
			f.breaks("what came upstream has %s: %.500q", why, a.raw)
		}
	}
}

// settle tries a case and judges it, again if need be, and reports what is found.
func (s *summary) settle(t *testing.T, name string, try func() (ours, stock *outcome), judge func(ours, stock *outcome) *findings) {
	t.Helper()
	for attempt := 1; ; attempt++ {
		ours, stock := try()
		found := judge(ours, stock)
		if len(found.broken) == 0 && len(found.worse) > 0 && attempt < attempts {
			continue
		}
		for _, what := range append(found.broken, found.worse...) {
			s.failed(name)
			t.Errorf("%s: %s\n  ours:  %s\n  stock: %s", name, what, ours, stock)
		}
		s.add(name, ours, stock)
		return
	}
}

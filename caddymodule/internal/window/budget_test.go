// SPDX-License-Identifier: Apache-2.0

package window

import "testing"

func TestAConnectionGetsItsShareOfWhatTheOthersLeave(t *testing.T) {
	var budget Budget
	budget.Allow(48)
	steps := []struct{ own, want, get, held int }{
		{0, 10, 10, 10},   // less than its share of 48
		{10, 100, 32, 32}, // no more than its share
		{32, 100, 32, 32}, // however often it asks
		{0, 100, 10, 42},  // of the 16 that are left
		{0, 100, 4, 46},
		{32, 20, 20, 34}, // given back
		{20, 20, 20, 34},
		{10, 0, 0, 24},
		{20, 0, 0, 4},
		{4, 100, 32, 32},
	}
	for i, step := range steps {
		if got := budget.resize(step.own, step.want); got != step.get {
			t.Errorf("step %d: got %d, want %d", i, got, step.get)
		}
		if got := budget.Held(); got != step.held {
			t.Errorf("step %d: %d are held, want %d", i, got, step.held)
		}
	}
}

func TestTheLargestLimitIsInForce(t *testing.T) {
	var budget Budget
	if got := budget.resize(0, 100); got != 0 {
		t.Errorf("without a limit: got %d", got)
	}
	budget.Allow(30)
	withdraw := budget.Allow(60)
	if got := budget.resize(0, 100); got != 40 {
		t.Errorf("of 60: got %d", got)
	}
	withdraw()
	withdraw() // has no effect
	if got := budget.resize(40, 100); got != 40 {
		t.Errorf("what was granted before: got %d", got)
	}
	if got := budget.resize(0, 100); got != 0 {
		t.Errorf("with more held than the limit: got %d", got)
	}
	budget.resize(40, 0)
	if got := budget.resize(0, 100); got != 20 {
		t.Errorf("of 30: got %d", got)
	}
}

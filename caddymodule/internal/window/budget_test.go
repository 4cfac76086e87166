// SPDX-License-Identifier: Apache-2.0

package window

import "testing"

func TestAConnectionGetsItsShareOfWhatTheOthersLeave(t *testing.T) {
	var budget Budget
	budget.Allow(50)
	steps := []struct{ own, want, get, held int }{
		{0, 10, 10, 10},   // less than its share of 50
		{10, 100, 40, 40}, // no more than its share
		{40, 100, 40, 40}, // however often it asks
		{0, 100, 8, 48},   // of the 10 that are left
		{0, 100, 0, 48},
		{40, 20, 20, 28}, // given back
		{20, 20, 20, 28},
		{10, 0, 0, 18},
		{18, 0, 0, 0},
		{4, 100, 40, 36},
	}
	for i, step := range steps {
		if got := budget.resize(step.own, step.want, 0); got != step.get {
			t.Errorf("step %d: got %d, want %d", i, got, step.get)
		}
		if got := budget.Held(); got != step.held {
			t.Errorf("step %d: %d are held, want %d", i, got, step.held)
		}
	}
}

func TestAheadOfAnUploadAConnectionHasAShareOfHalfTheBudget(t *testing.T) {
	var budget Budget
	budget.Allow(100)
	steps := []struct{ own, want, ahead, get, held int }{
		{0, 0, 30, 30, 30},  // less than its share of 50
		{0, 0, 100, 16, 46}, // of the 20 that are left of these
		{0, 0, -5, 0, 46},
		{16, 0, 100, 16, 46},  // what it has is its own
		{0, 100, 100, 40, 86}, // an upload's, of all that is left
		{30, 0, 30, 0, 56},    // now the others hold more than half
		{40, 10, 30, 24, 40},  // its upload has come to its end
		{16, 0, 0, 0, 24},
		{24, 20, 10, 20, 20}, // it wants more than that
	}
	for i, step := range steps {
		if got := budget.resize(step.own, step.want, step.ahead); got != step.get || budget.Held() != step.held {
			t.Errorf("step %d: got %d and %d are held, want %d and %d", i, got, budget.Held(), step.get, step.held)
		}
	}
}

func TestTheLargestLimitIsInForce(t *testing.T) {
	var budget Budget
	if got := budget.resize(0, 100, 0); got != 0 {
		t.Errorf("without a limit: got %d", got)
	}
	budget.Allow(30)
	withdraw := budget.Allow(60)
	if got := budget.resize(0, 100, 0); got != 48 {
		t.Errorf("of 60: got %d", got)
	}
	withdraw()
	withdraw() // has no effect
	if got := budget.resize(48, 100, 0); got != 48 {
		t.Errorf("what was granted before: got %d", got)
	}
	if got := budget.resize(0, 100, 0); got != 0 {
		t.Errorf("with more held than the limit: got %d", got)
	}
	budget.resize(48, 0, 0)
	if got := budget.resize(0, 100, 0); got != 24 {
		t.Errorf("of 30: got %d", got)
	}
}

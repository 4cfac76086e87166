// SPDX-License-Identifier: Apache-2.0

package reminder

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestALineIsDueAtOnceAndAfterEachPause(t *testing.T) {
	var r Reminder
	for _, step := range []struct {
		now time.Duration
		due bool
	}{
		{0, true},
		{0, false},
		{Pause - 1, false},
		{Pause, true},
		{Pause, false},
		{2*Pause + time.Minute, true}, // late
		{3 * Pause, false},            // the pause is as long as always
		{3*Pause + time.Minute, true},
	} {
		if got := r.Due(step.now); got != step.due {
			t.Errorf("at %s: got %t", step.now, got)
		}
	}
	r.Reset()
	if !r.Due(3*Pause + 2*time.Minute) {
		t.Error("after a reset, no line is due")
	}
}

func TestOneOfManyWritesTheLine(t *testing.T) {
	var r Reminder
	var due atomic.Int32
	var running sync.WaitGroup
	for range 50 {
		running.Go(func() {
			if r.Due(time.Second) {
				due.Add(1)
			}
		})
	}
	running.Wait()
	if got := due.Load(); got != 1 {
		t.Errorf("%d lines were due", got)
	}
}

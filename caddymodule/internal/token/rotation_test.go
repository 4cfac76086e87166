// SPDX-License-Identifier: Apache-2.0

package token

import (
	"testing"
	"time"
)

// An upload on trial whose response never comes does not keep others from it,
// for longer than a minute.
func TestATrialThatDoesNotEndIsNotTheLast(t *testing.T) {
	const second = time.Second
	var now time.Duration
	r := NewRotation(2, NewClock(func() Reading { return Reading{Elapsed: now} }))
	r.Reject(0)
	steps := []struct {
		at   time.Duration
		want bool
	}{
		{suspicionTime - second, false},
		{suspicionTime, true}, // the other key
		{suspicionTime + second, false},
		{suspicionTime + trialTime - second, false},
	}
	for _, step := range steps {
		now = step.at
		if key, ok := r.Try(); ok != step.want || ok && key != 1 {
			t.Errorf("after %s: key %d, %t", step.at, key+1, ok)
		}
	}
	// From now on half of the uploads are the active key's.
	now = suspicionTime + trialTime
	tried := 0
	for range 1000 {
		if key, ok := r.Try(); ok && key == 1 {
			tried++
			r.EndTrial()
		}
	}
	if tried < 400 || tried > 600 {
		t.Errorf("%d of 1000 uploads are tried with the other key", tried)
	}
}

// Whoever is tried with another key in vain pays for somebody's rejections, so
// that becomes rarer: each time it is waited for twice as long, up to an hour.
func TestTrialsInVainBecomeRare(t *testing.T) {
	var now time.Duration
	r, wait := NewRotation(2, NewClock(func() Reading { return Reading{Elapsed: now} })), suspicionTime
	for range 10 {
		r.Reject(0)
		now += wait - time.Second
		if _, ok := r.Try(); ok {
			t.Errorf("a trial before %s are over", wait)
		}
		now += time.Second
		if _, ok := r.Try(); !ok {
			t.Errorf("no trial when %s are over", wait)
		}
		r.Reject(1)
		now += time.Second
		r.Accept()
		wait = min(2*wait, suspicionTime<<maxMisled)
	}
	now += misledMemory + time.Second
	r.Reject(0)
	now += suspicionTime
	if _, ok := r.Try(); !ok {
		t.Error("that is remembered for more than a day")
	}
}

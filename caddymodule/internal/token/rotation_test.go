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
	r, now := newTestRotation(2)
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
		*now = step.at
		if key, ok := r.Try(); ok != step.want || ok && key != 1 {
			t.Errorf("after %s: key %d, %t", step.at, key+1, ok)
		}
	}
	// From now on half of the uploads are the active key's.
	*now = suspicionTime + trialTime
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
	r, now := newTestRotation(2)
	wait := suspicionTime
	for range 10 {
		r.Reject(0)
		*now += wait - time.Second
		if _, ok := r.Try(); ok {
			t.Errorf("a trial before %s are over", wait)
		}
		*now += time.Second
		if _, ok := r.Try(); !ok {
			t.Errorf("no trial when %s are over", wait)
		}
		r.Reject(1)
		*now += time.Second
		r.Accept()
		wait = min(2*wait, suspicionTime<<maxMisled)
	}
	*now += misledMemory + time.Second
	r.Reject(0)
	*now += suspicionTime
	if _, ok := r.Try(); !ok {
		t.Error("that is remembered for more than a day")
	}
}

// newTestRotation returns a rotation and the time that it is told.
func newTestRotation(keys int) (*Rotation, *time.Duration) {
	now := new(time.Duration)
	return NewRotation(keys, NewClock(func() Reading { return Reading{Elapsed: *now} })), now
}

// Rejections alone make no other key sign, however many there are.
func TestRejectionsTurnNoRotation(t *testing.T) {
	r, now := newTestRotation(3)
	for range 1000 {
		for key := range 3 {
			r.Reject(key)
		}
		*now += time.Minute
	}
	if r.Active() != 0 || !r.IsSuspect() {
		t.Errorf("key %d signs, suspect %t", r.Active()+1, r.IsSuspect())
	}
	r.Accept()
	if r.Active() != 0 || r.IsSuspect() {
		t.Errorf("afterwards: key %d signs, suspect %t", r.Active()+1, r.IsSuspect())
	}
}

// Evidence needs time, and of several keys that each has been rejected.
func TestWhatThereIsToARejection(t *testing.T) {
	for keys, lasting := range map[int]time.Duration{1: suspicionTime, 2: suspicionTime + trialsTime} {
		r, now := newTestRotation(keys)
		first := r.Reject(0)
		*now = lasting - time.Second
		before := r.Reject(0)
		*now = lasting
		at := r.Reject(0)
		if first.Lasting || before.Lasting || !at.Lasting || at.All != (keys == 1) {
			t.Errorf("%d keys: %v, %v, %v", keys, first, before, at)
		}
		if all := r.Reject(keys - 1); !all.Lasting || !all.All {
			t.Errorf("%d keys, all rejected: %v", keys, all)
		}
	}
	r, _ := newTestRotation(2)
	if got := r.Reject(1); got != (Evidence{}) || r.IsSuspect() {
		t.Errorf("of a key that does not sign: %v", got)
	}
}

// Only an upload that was signed in place of the key that signs makes another.
func TestAnotherKeySignsInPlaceOfTheActiveOne(t *testing.T) {
	r, _ := newTestRotation(3)
	forgotten := 0
	forget := func() {
		if forgotten++; !r.IsSuspect() {
			t.Error("the rejections are forgotten before what the key has signed")
		}
	}
	for _, step := range []struct {
		from, to int
		want     bool
	}{{1, 2, false}, {0, 0, false}, {0, 2, true}, {0, 1, false}, {2, 0, true}} {
		r.Reject(r.Active())
		if got := r.Advance(step.from, step.to, forget); got != step.want || got && r.Active() != step.to {
			t.Errorf("from %d to %d: %t, key %d signs", step.from+1, step.to+1, got, r.Active()+1)
		}
	}
	if forgotten != 2 {
		t.Errorf("forgotten %d times", forgotten)
	}
	r.Reject(0)
	r.Advance(0, 1, forget)
	r.Reset()
	if r.Active() != 0 || r.IsSuspect() {
		t.Errorf("other keys: key %d signs", r.Active()+1)
	}
}

// An upload is sent again with each key; when all have been rejected for long,
// one at a time is.
func TestWhenNoKeyWorksOneUploadAtATimeIsSentAgain(t *testing.T) {
	r, now := newTestRotation(2)
	r.Reject(0)
	if key, ok := r.Untried([]int{0}); !ok || key != 1 {
		t.Errorf("the next is key %d, %t", key+1, ok)
	}
	if onTrial, ok := r.Claim(); onTrial || !ok {
		t.Errorf("at first: %t, %t", onTrial, ok)
	}
	*now = suspicionTime + trialsTime
	r.Reject(1)
	if onTrial, ok := r.Claim(); !onTrial || !ok {
		t.Errorf("when all have been rejected for long: %t, %t", onTrial, ok)
	}
	if _, ok := r.Claim(); ok {
		t.Error("another at the same time")
	}
	r.EndTrial()
	if _, ok := r.Claim(); !ok {
		t.Error("none after it")
	}
	if key, ok := r.Untried([]int{0, 1}); ok {
		t.Errorf("key %d is left", key+1)
	}
}

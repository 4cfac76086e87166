// SPDX-License-Identifier: Apache-2.0

package token

import (
	"fmt"
	"testing"
	"time"
)

// An upload on trial whose response never comes does not keep others from it,
// for longer than a minute.
func TestATrialThatDoesNotEndIsNotTheLast(t *testing.T) {
	const second = time.Second
	r, now := newTestRotation(2)
	r.RejectStream("client", 0)
	*now = suspicionTime
	r.RejectStream("client", 0)
	steps := []struct {
		at   time.Duration
		want bool
	}{
		{suspicionTime, true}, // the other key
		{suspicionTime + second, false},
		{suspicionTime + trialTime - second, false},
	}
	for _, step := range steps {
		*now = step.at
		if key, ok := r.Try("client"); ok != step.want || ok && key != 1 {
			t.Errorf("after %s: key %d, %t", step.at, key+1, ok)
		}
	}
	// From now on half of the uploads are the active key's.
	*now = suspicionTime + trialTime
	tried := 0
	for range 1000 {
		if key, ok := r.Try("client"); ok && key == 1 {
			tried++
			r.EndTrial()
		}
	}
	if tried < 400 || tried > 600 {
		t.Errorf("%d of 1000 uploads are tried with the other key", tried)
	}
}

// A client that is tried with another key in vain pays for another's rejections, so
// that becomes rarer: each time it is waited for twice as long, up to an hour.
func TestTrialsInVainBecomeRare(t *testing.T) {
	r, now := newTestRotation(2)
	wait := suspicionTime
	for range 10 {
		r.RejectStream("client", 0)
		*now += wait - time.Second
		r.RejectStream("client", 0)
		if _, ok := r.Try("client"); ok {
			t.Errorf("a trial before %s are over", wait)
		}
		*now += time.Second
		r.RejectStream("client", 0)
		if _, ok := r.Try("client"); !ok {
			t.Errorf("no trial when %s are over", wait)
		}
		r.RejectStream("client", 1)
		*now += time.Second
		r.Accept()
		wait = min(2*wait, suspicionTime<<maxMisled)
	}
	*now += misledMemory + time.Second
	r.RejectStream("client", 0)
	*now += suspicionTime
	r.RejectStream("client", 0)
	if _, ok := r.Try("client"); !ok {
		t.Error("that is remembered for more than a day")
	}
}

// newTestRotation returns a rotation and the time that it goes by.
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

// What it takes before a client's upload that cannot be sent again is tried with
// another key.
func TestWhatItTakesToTryAStreamWithAnotherKey(t *testing.T) {
	const minute = suspicionTime
	type event struct {
		at     time.Duration
		what   string // has happened to an upload
		client string
	}
	many := func(at time.Duration, number int) (events []event) {
		for i := range number {
			events = append(events, event{at, "stream rejected", fmt.Sprint("stranger ", i)})
		}
		return events
	}
	tests := map[string]struct {
		events []event
		want   bool
	}{
		"nothing":                             {nil, false},
		"small ones that are always rejected": {[]event{{0, "rejected with all", "other"}, {minute, "rejected with all", "client"}, {5 * minute, "rejected with all", "client"}}, false},
		"one":                                 {[]event{{0, "stream rejected", "client"}}, false},
		"two in a minute":                     {[]event{{0, "stream rejected", "client"}, {minute - 1, "stream rejected", "client"}}, false},
		"two over a minute":                   {[]event{{0, "stream rejected", "client"}, {minute, "stream rejected", "client"}}, true},
		"the second of another client":        {[]event{{0, "stream rejected", "client"}, {minute, "stream rejected", "other"}}, true},
		"a small one first":                   {[]event{{0, "rejected with all", "client"}, {minute, "stream rejected", "client"}}, false},
		"a small one last":                    {[]event{{0, "stream rejected", "client"}, {minute, "rejected with all", "client"}}, false},
		"all of another client":               {[]event{{0, "stream rejected", "other"}, {minute, "stream rejected", "other"}, {9 * minute, "stream rejected", "other"}}, false},
		"all of a few":                        {append(many(0, crowd-1), many(minute, crowd-1)...), false},
		"all of many":                         {append(many(0, crowd), many(minute, crowd)...), true},
		"something accepted in between":       {[]event{{0, "stream rejected", "client"}, {1, "accepted", "other"}, {minute, "stream rejected", "client"}}, false},
		"what another key has signed":         {[]event{{0, "stream rejected", "client"}, {minute, "rejected with another", "client"}}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r, now := newTestRotation(3)
			for _, event := range test.events {
				switch *now = event.at; event.what {
				case "rejected with all":
					r.Reject(0)
					r.Reject(1)
					r.Reject(2)
				case "stream rejected":
					r.RejectStream(event.client, 0)
				case "rejected with another":
					r.RejectStream(event.client, 1)
				case "accepted":
					r.Accept()
				}
			}
			if key, ok := r.Try("client"); ok != test.want || ok && key != 1 {
				t.Errorf("key %d, %t", key+1, ok)
			}
		})
	}
}

// SPDX-License-Identifier: Apache-2.0

package token

import (
	"errors"
	"testing"
	"time"
)

// second returns the reading of a clock some seconds after it was started.
func second(n float64) Reading {
	elapsed := time.Duration(n * float64(time.Second))
	return Reading{Wall: time.Unix(1_800_000_000, 0).Add(elapsed), Elapsed: elapsed}
}

// Two callers, one after the other, are the evidence of an outage, if none has reached the
// source since the second of them began.
func TestWhatIsEvidenceOfAnOutage(t *testing.T) {
	one, two := callerOf(1), callerOf(2)
	for name, test := range map[string]struct {
		happens func(o *outage)
		want    bool
	}{
		"nothing":        {func(*outage) {}, false},
		"one caller":     {func(o *outage) { o.add(one, second(1), second(2), errDown) }, false},
		"the same twice": {func(o *outage) { o.add(one, second(1), second(2), errDown); o.add(one, second(3), second(4), errDown) }, false},
		"two":            {func(o *outage) { o.add(one, second(1), second(2), errDown); o.add(two, second(3), second(4), errDown) }, true},
		"two at once":    {func(o *outage) { o.add(one, second(1), second(2), errDown); o.add(two, second(1), second(2), errDown) }, true},
		"another one reached it in between": {func(o *outage) {
			o.add(one, second(1), second(2), errDown)
			o.reach(second(3))
			o.add(two, second(4), second(5), errDown)
		}, false},
		"one began before it was reached": {func(o *outage) {
			o.reach(second(5))
			o.add(one, second(4), second(6), errDown)
			o.add(two, second(6), second(7), errDown)
		}, false},
		"one began as it was reached": {func(o *outage) {
			o.reach(second(5))
			o.add(one, second(5), second(6), errDown)
			o.add(two, second(6), second(7), errDown)
		}, true},
		"it was reached afterwards": {func(o *outage) {
			o.add(one, second(1), second(2), errDown)
			o.add(two, second(3), second(4), errDown)
			o.reach(second(5))
		}, false},
		"all was forgotten in between": {func(o *outage) {
			o.add(one, second(1), second(2), errDown)
			o.forget()
			o.add(two, second(3), second(4), errDown)
		}, false},
	} {
		o := new(outage)
		test.happens(o)
		if _, cause := o.ask(second(60), false, false); errors.Is(cause, errDown) != test.want {
			t.Errorf("%s: %v", name, cause)
		}
	}
}

// inOutage is a source that was found out of reach at second 10.
func inOutage() *outage {
	o := new(outage)
	o.add(callerOf(1), second(1), second(2), errDown)
	o.add(callerOf(2), second(9), second(10), errDown)
	return o
}

// In each pause, one caller that has not failed itself may ask; after it one caller, for
// which the others wait, a second at a time.
func TestWhoAsksInAnOutage(t *testing.T) {
	o := inOutage()
	asks := func(at float64, failing, want bool) {
		t.Helper()
		pause, cause := o.ask(second(at), false, failing)
		if !errors.Is(cause, errDown) || (pause == 0) != want {
			t.Errorf("at second %v: a pause of %s, %v", at, pause, cause)
		}
	}
	asks(10.1, true, false) // it has failed itself
	asks(10.1, false, true) // the one that is spared
	asks(10.1, false, false)
	asks(30, true, true) // the pause is over
	asks(30.1, false, false)
	if pause, _ := o.ask(second(30.1), false, false); pause != firstPause {
		t.Errorf("while one asks, the pause is %s", pause)
	}
	asks(30+attemptTime.Seconds(), false, true) // the one that asks takes too long

	// What began in the pause, or before the attempt that counts, does not prolong it.
	o = inOutage()
	until := o.until
	o.add(callerOf(3), second(10.1), second(10.2), errDown)
	if o.until != until {
		t.Errorf("an attempt within the pause changes it from %s to %s", until, o.until)
	}
	asks(30, true, true)
	o.add(callerOf(3), second(29), second(31), errDown)
	if !o.asked {
		t.Error("an attempt from before ends the one that counts")
	}
	o.add(callerOf(4), second(30), second(32), errDown)
	if o.asked || o.spared || o.until <= second(32).Elapsed {
		t.Errorf("after the attempt that counts, the pause lasts until %s", o.until)
	}
	asks(32.05, false, true) // another is spared in the next pause
	asks(32.05, false, false)
}

// Attempts that were under way together count as one failure: also one that began as the
// other ended.
func TestAttemptsThatWereUnderWayTogetherCountOnce(t *testing.T) {
	for began, counts := range map[float64]bool{0: false, 1: false, 2: false, 2.001: true} {
		f := new(failure)
		f.add(second(1), second(2), errDown)
		until := f.until
		f.add(second(began), second(90), errDown)
		if (f.until != until) != counts {
			t.Errorf("an attempt that began at %v: the pause lasts until %s, before %s", began, f.until, until)
		}
	}
}

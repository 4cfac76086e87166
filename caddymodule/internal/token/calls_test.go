// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"testing"
)

// begun are a source's calls of which all have begun at once, with the contexts that they
// have.
func begun(t *testing.T, number int, at Reading) (*calls, []*call, []context.Context) {
	t.Helper()
	t.Helper()
	c, all, contexts := new(calls), make([]*call, number), make([]context.Context, number)
	for i := range all {
		if !c.admit(at) {
			t.Fatalf("call %d is not admitted while the source responds", i)
		}
		contexts[i], all[i] = c.begin(t.Context(), at)
	}
	return c, all, contexts
}

// While a source responds, what bounds its calls is how many have no client any more. The
// oldest of these makes way once it has had its time.
func TestAbandonedCallsMakeWay(t *testing.T) {
	c, all, contexts := begun(t, maxUnanswered+1, second(1))
	for _, one := range all[1:] {
		c.wait(one, false)
		c.wait(one, false) // as several clients leave
	}
	if late := second(1 + minCallTime.Seconds() - 0.001); c.admit(late) {
		t.Error("a call makes way before its time")
	}
	c.wait(all[5], true)
	if !c.admit(second(1)) {
		t.Error("a client has come back, and no call is admitted")
	}
	c.wait(all[5], false)
	if !c.admit(second(1 + minCallTime.Seconds())) {
		t.Error("no call makes way")
	}
	if contexts[0].Err() != nil || !errors.Is(context.Cause(contexts[1]), errCrowded) || contexts[2].Err() != nil {
		t.Error("another than the oldest abandoned call was given up")
	}
	c.wait(all[1], true) // which is given up
	if c.abandoned != maxUnanswered-1 || c.givenUp != 1 {
		t.Errorf("%d are abandoned, %d given up", c.abandoned, c.givenUp)
	}
	c.end(all[1])
	c.end(all[2])
	c.end(all[0])
	if c.abandoned != maxUnanswered-2 || c.givenUp != 0 || c.running.Len() != maxUnanswered-2 {
		t.Errorf("%d are abandoned, %d given up, %d running", c.abandoned, c.givenUp, c.running.Len())
	}
}

// While a source responds to none, all calls count, and so many may be given up.
func TestCallsOfASilentSourceMakeWay(t *testing.T) {
	c, _, contexts := begun(t, maxUnanswered, second(1))
	c.respond(second(2))
	c.timeOut(second(1.999)) // it began before the source responded
	if !c.admit(second(3)) || contexts[0].Err() != nil {
		t.Error("the source is taken for silent")
	}
	c.timeOut(second(2))
	for given := range maxGivenUp {
		if !c.admit(second(3)) || contexts[given].Err() == nil {
			t.Fatalf("call %d does not make way", given)
		}
		c.begin(t.Context(), second(3))
	}
	if c.admit(second(30)) || contexts[maxGivenUp].Err() != nil {
		t.Error("more are given up than may be")
	}
	c.respond(second(31))
	if !c.admit(second(31)) {
		t.Error("the source has responded, and no call is admitted")
	}
}

// SPDX-License-Identifier: Apache-2.0

package token

import "time"

// outage holds when a source that no caller can reach may be asked again, for a source
// that tells callers apart. An outage begins when two callers, one after the other, could
// not reach the source ([ErrUnreachable]) and none has reached it meanwhile. Nothing else
// is evidence: what happens to one caller once there is a connection says nothing about
// the others, since the source may hang for that one alone, and a stranger could shut out
// everybody. The zero value is for a source that can be reached.
type outage struct {
	failure // its pauses are for all callers

	reached time.Duration // when a caller last reached the source, on the clock's Elapsed
	witness Caller        // the last that could not
	seen    bool          // there is a witness
	began   time.Duration // when the attempt began that the other callers wait for
	spared  bool          // one caller has been let through during this pause
}

// add records that a caller's attempt, which began at asked, did not reach the source.
func (o *outage) add(id Caller, asked, now Reading, cause error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case asked.Elapsed < o.reached:
		return // another caller has since
	case o.pauses != nil && (!o.asked || asked.Elapsed < o.began):
		return // it began in the pause, or before that
	case o.pauses == nil && (!o.seen || o.witness == id):
		o.witness, o.seen = id, true // another caller may reach it
		return
	}
	o.note(asked, now, cause)
	o.spared = false
}

// reach records that a caller has a connection to the source, whatever comes of it.
func (o *outage) reach(now Reading) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clear()
	o.reached = now.Elapsed
}

// forget discards all that is known: the source's secret has changed.
func (o *outage) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clear()
}

func (o *outage) clear() { o.pauses, o.cause, o.seen, o.spared = nil, nil, false, false }

// ask returns how long the source must not be asked for a caller, and why. 0 means that
// the caller asks; during an outage the others wait for it. In each pause one caller that
// has not failed itself may ask at once: it may prove the outage wrong.
func (o *outage) ask(now Reading, held, failing bool) (time.Duration, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	pause, cause := o.state(now, held)
	switch {
	case cause == nil:
		return 0, nil
	case pause == 0:
		o.until, o.soon = now.Elapsed+attemptTime, now.Elapsed+attemptTime
		o.asked, o.began = true, now.Elapsed
		return 0, cause
	case !o.asked && !o.spared && !failing:
		o.spared = true
		return 0, cause
	}
	return pause, cause
}

// SPDX-License-Identifier: Apache-2.0

package token

import "time"

// outage is what is known of a source that nobody can reach, for all callers that
// it tells apart. What happens to one of them once there is a connection says
// nothing of the others: a source may hang for one alone. There is an outage when
// two could not reach it ([ErrUnreachable]), one after the other, and nobody has
// reached it meanwhile. The zero value is of a source that can be reached.
type outage struct {
	failure // its pauses are for all

	reached time.Duration // when somebody last reached it, on the clock's Elapsed
	witness Caller        // who could not, last
	seen    bool          // there is a witness
	began   time.Duration // when the attempt began that the others wait for
	spared  bool          // somebody has asked during the pause
}

// add takes note that a caller's attempt, which began at asked, did not reach the
// source.
func (o *outage) add(id Caller, asked, now Reading, cause error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case asked.Elapsed < o.reached:
		return // somebody has since
	case o.pauses != nil && (!o.asked || asked.Elapsed < o.began):
		return // it began in the pause, or before that
	case o.pauses == nil && (!o.seen || o.witness == id):
		o.witness, o.seen = id, true // somebody else may reach it
		return
	}
	o.note(asked, now, cause)
	o.spared = false
}

// reach takes note that somebody reached the source, whatever comes of it.
func (o *outage) reach(now Reading) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clear()
	o.reached = now.Elapsed
}

// end takes note that somebody got a response.
func (o *outage) end(now Reading) {
	o.reach(now)
	o.failure.end()
}

// forget forgets what is known.
func (o *outage) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clear()
	o.known = false
}

func (o *outage) clear() { o.pauses, o.cause, o.seen, o.spared = nil, nil, false, false }

// ask returns how long the source must not be asked for a caller, and why. 0
// means that it is asked; during an outage, nobody else asks meanwhile. In each
// pause, one caller that has not failed itself may ask at once.
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

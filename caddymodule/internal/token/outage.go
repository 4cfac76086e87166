// SPDX-License-Identifier: Apache-2.0

package token

import "time"

// outage is what is known of a source that answers nobody, for all callers that
// it tells apart. What happens to one of them says nothing of the others: a
// source may hang for one alone. There is an outage when two have got no
// response, one after the other, and nobody has got one meanwhile. The zero
// value is of a source that answers.
type outage struct {
	failure // its pauses are for all

	answered time.Duration // when somebody last got a response, on the clock's Elapsed
	witness  Caller        // who got none last
	seen     bool          // there is a witness
	began    time.Duration // when the attempt began that the others wait for
	failing  bool          // its caller had got no response before
	spared   bool          // somebody has asked during the pause
}

// add takes note that a caller got no response to an attempt that began at asked.
func (o *outage) add(id Caller, asked, now Reading, cause error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case asked.Elapsed < o.answered:
		return // somebody has got one since
	case o.pauses != nil && (!o.asked || asked.Elapsed < o.began):
		return // it began in the pause, or before that
	case o.pauses == nil && (!o.seen || o.witness == id):
		o.witness, o.seen = id, true // somebody else may be answered
		return
	}
	o.note(asked, now, cause)
	o.spared = false
}

// end takes note that somebody got a response.
func (o *outage) end(now Reading) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clear()
	o.answered = now.Elapsed
}

// forget forgets what is known.
func (o *outage) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.clear()
}

func (o *outage) clear() {
	o.pauses, o.cause, o.known, o.seen, o.spared = nil, nil, false, false, false
}

// ask returns how long the source must not be asked for a caller, and why. 0
// means that it is asked; during an outage, nobody else asks meanwhile. A
// caller that was not without a response before need not wait for one that was,
// and in each pause one such caller may ask at once: all others' attempts may
// have hung for reasons of their own.
func (o *outage) ask(now Reading, held, failing bool) (time.Duration, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	pause, cause := o.state(now, held)
	switch {
	case cause == nil:
		return 0, nil
	case pause == 0, o.asked && o.failing && !failing:
		o.until, o.soon = now.Elapsed+attemptTime, now.Elapsed+attemptTime
		o.asked, o.began, o.failing = true, now.Elapsed, failing
		return 0, cause
	case !o.asked && !o.spared && !failing:
		o.spared = true
		return 0, cause
	}
	return pause, cause
}

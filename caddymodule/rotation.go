// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// suspicionTime is how long nothing must have been accepted since a
	// rejection before that says something of the credential. A client can
	// cause rejections, but it cannot keep others' uploads from being accepted.
	suspicionTime = time.Minute

	// trialTime is how long an upload may be on trial before the next may be:
	// its response may never come.
	trialTime = time.Minute

	// trialsTime is how long other keys are tried before it is said of all that
	// they do not work.
	trialsTime = 2 * time.Minute

	// maxMisled bounds how long a trial is waited for when trials before have
	// been in vain: suspicionTime, doubled as often.
	maxMisled = 6

	// misledMemory is for how long trials that were in vain are remembered.
	misledMemory = 24 * time.Hour
)

// rotation is which of a project's secret keys signs, and what the service has
// lately said of them. A rejection makes the keys suspect, an acceptance clears
// them, and another key signs when the service has accepted it: rejections
// alone, which any client can cause, turn nothing. It is part of a project's
// credentials, and so outlives the config. The zero value is for the first key.
// A project of another source has one key, as it were.
type rotation struct {
	active  atomic.Int32
	suspect atomic.Bool // nothing has been accepted since a rejection

	mu       sync.Mutex
	since    time.Duration // when that was, on the clock's Elapsed
	rejected map[int]bool  // the keys that have been since
	turn     int           // 1 for the first trial of another key
	tried    bool          // a trial of another key has been in vain since
	trial    time.Duration // until when an upload is on trial; 0 if none is
	misled   int           // how often it was the active key after all
	misledAt time.Duration
}

// current returns the index of the key that signs, of so many.
func (r *rotation) current(keys int) int { return int(r.active.Load()) % keys }

// evidence is what there is to a rejection.
type evidence struct {
	lasting bool // nothing has been accepted for long, though uploads came
	all     bool // and each key has been rejected meanwhile
}

// reject takes note that one of so many keys has been rejected, or several that
// are alike.
func (r *rotation) reject(rejected []int, keys int, now time.Duration) evidence {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range rejected {
		if key == r.current(keys) && !r.suspect.Load() {
			r.begin(now)
		}
	}
	if !r.suspect.Load() {
		return evidence{} // of a key that does not sign any more
	}
	for _, key := range rejected {
		r.rejected[key] = true
	}
	return r.evidence(keys, now)
}

// evidence returns what there is. Of several keys each must have had its time:
// the uploads that are tried with another may all be of clients that are
// rejected with any.
func (r *rotation) evidence(keys int, now time.Duration) evidence {
	lasting, all := suspicionTime, len(r.rejected) >= keys
	if keys > 1 {
		lasting = suspicionTime<<r.misled + trialsTime
	}
	return evidence{lasting: now-r.since >= lasting, all: all}
}

// begin makes the keys suspect.
func (r *rotation) begin(now time.Duration) {
	if now-r.misledAt > misledMemory {
		r.misled = 0
	}
	r.since, r.rejected, r.turn, r.tried, r.trial = now, make(map[int]bool), 1, false, 0
	r.suspect.Store(true)
}

// try returns the key that an upload is tried with in place of the active one.
// There is none unless that has been suspect for long, and there is one such
// upload at a time: if it is a client that is at fault, the one is lost. When
// all others have been tried once, every other upload is the active key's, at
// random, so that no client can choose who is tried.
func (r *rotation) try(keys int, now time.Duration) (key int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.suspect.Load() || now-r.since < suspicionTime<<r.misled || now < r.trial {
		return 0, false
	}
	if r.turn >= keys && rand.IntN(2) == 0 { //nolint:gosec // not a secret
		return 0, false
	}
	key = (r.current(keys) + 1 + (r.turn-1)%(keys-1)) % keys
	r.turn, r.trial, r.tried = r.turn+1, now+trialTime, true
	return key, true
}

// claim reports whether an upload that has been rejected may be sent again with
// another key. When all have been rejected for long, one at a time may, which is
// then on trial: a service that takes none must not turn every upload into as
// many as there are keys.
func (r *rotation) claim(keys int, now time.Duration) (onTrial, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if evidence := r.evidence(keys, now); !evidence.lasting || !evidence.all {
		return false, true
	}
	if now < r.trial {
		return false, false
	}
	r.trial = now + trialTime
	return true, true
}

// end lets the next upload be on trial.
func (r *rotation) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trial = 0
}

// accept takes note that what the active key has signed was accepted. Then the
// rejections before were their clients' doing.
func (r *rotation) accept(now time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tried && r.suspect.Load() {
		r.misled, r.misledAt = min(r.misled+1, maxMisled), now
	}
	r.clear()
}

// advance makes another key sign, which the service has accepted in place of
// one that it has not. It does nothing if that does not sign any more. forget is
// called before anybody else knows, to forget what that one has signed.
func (r *rotation) advance(from, to, keys int, forget func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current(keys) != from || from == to {
		return false
	}
	r.active.Store(int32(to)) //nolint:gosec // nobody has as many
	forget()
	r.misled = 0
	r.clear()
	return true
}

// reset makes the first key sign, since the keys are others now.
func (r *rotation) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active.Store(0)
	r.misled = 0
	r.clear()
}

func (r *rotation) clear() {
	r.suspect.Store(false)
	r.rejected, r.tried, r.trial = nil, false, 0
}

// position names a key without showing it.
func position(index, keys int) string { return fmt.Sprintf("%d of %d", index+1, keys) }

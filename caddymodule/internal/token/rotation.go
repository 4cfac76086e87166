// SPDX-License-Identifier: Apache-2.0

package token

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// suspicionTime is how long nothing must have been accepted since a rejection
	// before the rejection is evidence against the credential. A client can cause
	// rejections, but it cannot keep others' uploads from being accepted.
	suspicionTime = time.Minute

	// trialTime is how long an upload may be on trial before the next may be:
	// its response may never come.
	trialTime = time.Minute

	// trialsTime is how long other keys are tried before the log says that none of
	// them works.
	trialsTime = 2 * time.Minute

	// maxMisled bounds how often the wait for a trial, suspicionTime, is doubled after
	// trials that were in vain.
	maxMisled = 6

	// misledMemory is how long trials that were in vain are remembered.
	misledMemory = 24 * time.Hour

	// crowd is how many clients must have been rejected before the upload of a client
	// that has not is tried with another key.
	crowd = 8
)

// Rotation decides which of a project's secret keys signs. A rejection makes the keys
// suspect, an acceptance clears them, and another key becomes the active one when the
// service has accepted it: rejections alone, which any client can cause, change nothing.
// Keys are named by their index. A project whose source has no keys counts as having one.
//
// An upload that can be sent again shows by itself which key works; that it was
// rejected with all of them speaks against the upload. An upload that cannot be sent
// again, a stream, may be tried with another key instead of the active one, and is lost if
// the active one was right. So that takes evidence of streams alone: some were rejected
// over at least a minute, nothing was accepted since the first, and the client's own is
// among them, or those of a [crowd]. One client's rejections cost other clients nothing.
type Rotation struct {
	keys    int
	clock   *Clock
	active  atomic.Int32
	suspect atomic.Bool // nothing has been accepted since a rejection

	mu       sync.Mutex
	since    time.Duration   // when that was, on the clock's Elapsed
	rejected map[int]bool    // the keys that have been since
	streamed time.Duration   // when a stream was rejected with the active key, first since then
	lasted   time.Duration   // and from then until the last was; negative if none was
	clients  map[string]bool // whose those were, up to a crowd
	turn     int             // 1 for the first trial of another key
	tried    bool            // a trial of another key has been in vain since
	trial    time.Duration   // until when an upload is on trial; 0 if none is
	misled   int             // how often it was the active key after all
	misledAt time.Duration
}

// NewRotation returns a rotation of so many keys, at least one. The first one signs.
func NewRotation(keys int, clock *Clock) *Rotation { return &Rotation{keys: keys, clock: clock} }

// Active returns the key that signs.
func (r *Rotation) Active() int { return int(r.active.Load()) }

// IsSuspect reports whether a key that signed has been rejected and nothing
// accepted since.
func (r *Rotation) IsSuspect() bool { return r.suspect.Load() }

// Untried returns the first key, counted from the active one, that an upload has not been
// rejected with. ok is false if there is none.
func (r *Rotation) Untried(rejected []int) (key int, ok bool) {
	active := r.Active()
	for i := range r.keys {
		if key := (active + i) % r.keys; !slices.Contains(rejected, key) {
			return key, true
		}
	}
	return 0, false
}

// Evidence is what the rejections until now prove.
type Evidence struct {
	Lasting bool // nothing has been accepted for long, although uploads came
	All     bool // each key has been rejected meanwhile
}

// Reject records that an upload that can be sent again was rejected with a key, or with
// several that are the same.
func (r *Rotation) Reject(rejected ...int) Evidence {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reject(r.now(), rejected)
}

// RejectStream is Reject for a client's upload that cannot be sent again.
func (r *Rotation) RejectStream(client string, rejected ...int) Evidence {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	evidence := r.reject(now, rejected)
	if !r.suspect.Load() || !slices.Contains(rejected, r.Active()) {
		return evidence
	}
	if r.lasted < 0 {
		r.streamed = now
	}
	r.lasted = now - r.streamed
	if len(r.clients) < crowd {
		r.clients[client] = true
	}
	return evidence
}

func (r *Rotation) reject(now time.Duration, rejected []int) Evidence {
	for _, key := range rejected {
		if key == r.Active() && !r.suspect.Load() {
			r.begin(now)
		}
	}
	if !r.suspect.Load() {
		return Evidence{} // the key is not the active one any more
	}
	for _, key := range rejected {
		r.rejected[key] = true
	}
	return r.evidence(now)
}

// evidence returns what the rejections prove. With several keys it takes longer, since
// each must have had its time: the uploads that are tried with another key may all be of
// clients that are rejected with any.
func (r *Rotation) evidence(now time.Duration) Evidence {
	lasting, all := suspicionTime, len(r.rejected) >= r.keys
	if r.keys > 1 {
		lasting = suspicionTime<<r.misled + trialsTime
	}
	return Evidence{Lasting: now-r.since >= lasting, All: all}
}

// begin makes the keys suspect.
func (r *Rotation) begin(now time.Duration) {
	if now-r.misledAt > misledMemory {
		r.misled = 0
	}
	r.since, r.rejected, r.turn, r.tried, r.trial = now, make(map[int]bool), 1, false, 0
	r.lasted, r.clients = -1, make(map[string]bool)
	r.suspect.Store(true)
}

// Try returns the key that a client's stream is signed with instead of the active one; ok
// is false if it is the active one. One stream at a time is on trial. When all other keys
// have been tried once, half of the streams go to the active key, at random, so that no
// client can choose which are tried.
func (r *Rotation) Try(client string) (key int, ok bool) {
	if r.keys < 2 || !r.IsSuspect() { // without the lock, for this is the usual case
		return 0, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if !r.suspect.Load() || r.lasted < suspicionTime<<r.misled || now < r.trial {
		return 0, false
	}
	if !r.clients[client] && len(r.clients) < crowd {
		return 0, false
	}
	if r.turn >= r.keys && rand.IntN(2) == 0 { //nolint:gosec // not a secret
		return 0, false
	}
	key = (r.Active() + 1 + (r.turn-1)%(r.keys-1)) % r.keys
	r.turn, r.trial, r.tried = r.turn+1, now+trialTime, true
	return key, true
}

// Claim reports whether a rejected upload may be sent again with another key. When all keys
// have been rejected for long, one upload at a time may, and is on trial: otherwise, for a
// service that accepts none, each upload would be sent once per key.
func (r *Rotation) Claim() (onTrial, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if evidence := r.evidence(now); !evidence.Lasting || !evidence.All {
		return false, true
	}
	if now < r.trial {
		return false, false
	}
	r.trial = now + trialTime
	return true, true
}

// EndTrial records that the upload on trial has its response: the next one may be.
func (r *Rotation) EndTrial() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trial = 0
}

// Accept records that the service accepted what the active key has signed. So the
// rejections before were their clients' doing, and a trial meanwhile was in vain.
func (r *Rotation) Accept() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tried && r.suspect.Load() {
		r.misled, r.misledAt = min(r.misled+1, maxMisled), r.now()
	}
	r.clear()
}

// Advance makes the key to the active one: the service has accepted it for an upload that
// it rejected with the key from. It does nothing if from is not active any more, and
// reports whether to has become active. forget is called before other uploads can see the
// change: it must discard what from has signed.
func (r *Rotation) Advance(from, to int, forget func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Active() != from || from == to {
		return false
	}
	r.active.Store(int32(to)) //nolint:gosec // there are a few keys
	forget()
	r.misled = 0
	r.clear()
	return true
}

// Reset makes the first key the active one: the keys have changed.
func (r *Rotation) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active.Store(0)
	r.misled = 0
	r.clear()
}

func (r *Rotation) now() time.Duration { return r.clock.Now().Elapsed }

func (r *Rotation) clear() {
	r.suspect.Store(false)
	r.rejected, r.clients, r.tried, r.trial = nil, nil, false, 0
}

// SPDX-License-Identifier: Apache-2.0

package token

import "time"

// The pauses between tokens that are dropped because the service rejects them. They begin
// short, since a source may hand out good and bad tokens in turn, and grow while dropping
// does not help: a service that accepts none, or a client that causes rejections, must not
// make the source be asked once per upload.
const (
	minDropPause = time.Second
	maxDropPause = time.Minute
	// dropMemory is after how long without a drop the pauses begin anew.
	dropMemory = 10 * time.Minute
)

// drops are a cache's dropped tokens. The zero value is for none.
type drops struct {
	pause    time.Duration // how long after the last another token may be dropped
	last     time.Duration // when the last was dropped, on the clock's Elapsed
	accepted bool          // the service had accepted that one before
}

// may reports whether a token that came at some time may be dropped now: uploads of other
// clients than the one that was rejected must have had the time to be accepted.
func (d *drops) may(now Reading, came time.Duration) bool {
	return d.pause == 0 || now.Elapsed-max(d.last, came) >= d.pause
}

// add records that a token is dropped.
func (d *drops) add(now Reading, accepted bool) {
	if now.Elapsed-d.last >= dropMemory {
		d.pause = 0
	}
	d.pause = min(max(d.pause+d.pause/2, minDropPause), maxDropPause)
	d.last, d.accepted = now.Elapsed, accepted
}

// accept records that the service accepted the replacement of a dropped token. If it had
// accepted the dropped token as well, that proves nothing: a client may have caused the
// rejection, and may do it again.
func (d *drops) accept() {
	if !d.accepted {
		d.pause = 0
	}
}

// Rejection is what is known of why the service rejected a token.
type Rejection struct {
	// Sure means that no client can have caused the rejection, as with an expired
	// token.
	Sure bool
	// Alone means that there is no fallback: only the source can replace the token.
	Alone bool
}

// Drop makes the cache get another token in place of one that the service rejected; at
// growing intervals while that does not help, and at once if the rejection is sure and the
// service had accepted the token before. A token that had been accepted, and is rejected
// for a reason that a client may have caused, stays in use until there is another, if
// there is no fallback: otherwise one client could take the token away from all. Drop
// reports whether the token was dropped.
func (c *Cache) Drop(rejected Token, why Rejection) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, e := c.clock.Now(), c.current.Load()
	if e == nil || !e.same(rejected) {
		return false
	}
	accepted := e.accepted.Load()
	if sure := why.Sure && accepted; !sure && !c.drops.may(now, e.came) {
		return false
	}
	c.drops.add(now, accepted)
	c.forget()
	if accepted && why.Alone && !why.Sure {
		c.current.Store(e.doubted())
	}
	c.rejected = rejected
	return true
}

// Accept records that the service accepted a token.
func (c *Cache) Accept(accepted Token) {
	e := c.current.Load()
	if e == nil || e.accepted.Load() || !e.same(accepted) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !e.accepted.Swap(true) {
		c.drops.accept()
	}
}

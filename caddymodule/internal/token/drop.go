// SPDX-License-Identifier: Apache-2.0

package token

import "time"

// The pauses between tokens that are dropped because the service rejects them.
// They begin short, since a source may hand out good ones and bad ones, and grow
// while that is to no avail: a service that takes none, or a client that causes
// rejections, must not turn into a call of the source per upload.
const (
	minDropPause = time.Second
	maxDropPause = time.Minute
	// dropMemory is after how long without a drop the pauses begin anew.
	dropMemory = 10 * time.Minute
)

// drops are those of one cache. The zero value is for none.
type drops struct {
	pause    time.Duration // until the next
	last     time.Duration // when the last was, on the clock's Elapsed
	accepted bool          // of a token that the service had accepted before
}

// may reports whether a token may be dropped now that came at some time. Others
// than the client of the first rejection must have had the time to be accepted.
func (d *drops) may(now Reading, came time.Duration) bool {
	return d.pause == 0 || now.Elapsed-max(d.last, came) >= d.pause
}

// add takes note of one.
func (d *drops) add(now Reading, accepted bool) {
	if now.Elapsed-d.last >= dropMemory {
		d.pause = 0
	}
	d.pause = min(max(d.pause+d.pause/2, minDropPause), maxDropPause)
	d.last, d.accepted = now.Elapsed, accepted
}

// accept takes note that the service accepted the token that came next. If it
// had accepted the last one too, that proves nothing: then it may have been a
// client that caused the rejection, and will again.
func (d *drops) accept() {
	if !d.accepted {
		d.pause = 0
	}
}

// Rejection is what is known of why the service rejected a token.
type Rejection struct {
	// Sure means that no client can have caused it.
	Sure bool
	// Alone means that nothing else can take the token's place but what the
	// source yields.
	Alone bool
}

// Drop makes the cache get another token in place of one that the service
// rejected, at growing intervals while that is of no use, and at once if there is
// no doubt about a token that it had accepted before. If a client may have
// caused the rejection of such a token, it is handed out on until there is
// another, when it is the only one. It reports whether it did.
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

// Accept takes note that the service took a token.
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

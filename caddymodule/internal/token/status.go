// SPDX-License-Identifier: Apache-2.0

package token

import "time"

// Status is what a cache says of its source, for operators. It holds no credential.
type Status struct {
	Expire int64         // of the token that is held, also of one that has expired; 0 without one
	Pause  time.Duration // how long the source is not asked
}

// Status returns what there is to say now. It does not ask the source.
func (c *Cache) Status() (s Status) {
	if held, ok := c.Current(); ok {
		s.Expire = held.Expire
	}
	s.Pause, _ = c.pause(c.clock.Now())
	return s
}

// Status returns how many callers have a token, and how many have none and keep a pause.
// Neither is counted of uploads that are waiting.
func (c *Callers) Status() (granted, failing int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.granted.Len(), c.failing.Len()
}

// SPDX-License-Identifier: Apache-2.0

package token

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// maxUnanswered is how many callers without a token are asked for at once
	// whose clients have left, or, while the source answers nobody, at all.
	// Whoever invents callers must not make the source be asked without bound.
	maxUnanswered = 1024

	// maxGivenUp is how many calls may have made way and not have ended: a source
	// may not care.
	maxGivenUp = 256

	// minCallTime is how long the source has for a caller before the call may
	// make way for another's. Whoever it answers has its answer by then.
	minCallTime = 2 * time.Second
)

var errCrowded = errors.New("the source leaves too many callers without an answer")

// calls are those of a source for callers that have no token. There are as many
// as there are clients that wait; what has a bound makes way, the oldest first,
// so that callers for whom the source hangs keep no other from being asked for.
// The zero value is of a source that answers.
type calls struct {
	mu        sync.Mutex
	running   list.List // of *call, by when they began
	abandoned int       // those of them for which nobody waits
	givenUp   int       // no more among them, but not at their end
	answered  time.Duration
	silent    bool // one that began since then got no answer in time
}

// call is one of them.
type call struct {
	asked     time.Duration
	abandon   context.CancelCauseFunc
	place     *list.Element // nil when it has made way
	abandoned bool
}

// admit reports whether there may be another call. If there are too many, the
// oldest make way.
func (c *calls) admit(now Reading) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	bounded := c.abandoned
	if c.silent {
		bounded = c.running.Len()
	}
	var next *list.Element
	for place := c.running.Front(); bounded >= maxUnanswered; place = next {
		if place == nil || c.givenUp >= maxGivenUp {
			return false
		}
		oldest := place.Value.(*call)
		if now.Elapsed-oldest.asked < minCallTime {
			return false
		}
		next = place.Next()
		if c.silent || oldest.abandoned {
			c.remove(oldest)
			c.givenUp++
			oldest.abandon(errCrowded)
			bounded--
		}
	}
	return true
}

// begin returns a call, and the context that it has.
func (c *calls) begin(ctx context.Context, now Reading) (context.Context, *call) {
	ctx, abandon := context.WithCancelCause(ctx)
	begun := &call{asked: now.Elapsed, abandon: abandon}
	c.mu.Lock()
	defer c.mu.Unlock()
	begun.place = c.running.PushBack(begun)
	return ctx, begun
}

// remove takes a call out of those that are running.
func (c *calls) remove(running *call) {
	c.running.Remove(running.place)
	running.place = nil
	if running.abandoned {
		c.abandoned--
	}
}

// wait takes note of whether somebody waits for a call.
func (c *calls) wait(running *call, somebody bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if running.place == nil || running.abandoned != somebody {
		return
	}
	running.abandoned = !somebody
	if somebody {
		c.abandoned--
	} else {
		c.abandoned++
	}
}

// end ends a call.
func (c *calls) end(ended *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ended.place != nil {
		c.remove(ended)
	} else {
		c.givenUp--
	}
}

// answer takes note that the source has answered somebody.
func (c *calls) answer(now Reading) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered, c.silent = now.Elapsed, false
}

// timeOut takes note that a caller that was asked for since asked got no answer
// in time.
func (c *calls) timeOut(asked Reading) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if asked.Elapsed >= c.answered {
		c.silent = true
	}
}

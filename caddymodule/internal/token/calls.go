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
	// maxUnanswered bounds the calls for callers without a token: those whose clients
	// have left, and all of them while the source responds to none. A stranger who
	// invents callers must not make the source be called without bound.
	maxUnanswered = 1024

	// maxGivenUp is how many calls may have been given up and not have ended: a source
	// may ignore its context.
	maxGivenUp = 256

	// minCallTime is how long a call lasts before it may be given up for another
	// caller's. A source that responds has done so by then.
	minCallTime = 2 * time.Second
)

var errCrowded = errors.New("the source leaves too many callers without a response")

// calls are a source's calls that are under way for callers without a token. While the
// source responds, there are as many as clients wait. Calls that are bounded, see
// [maxUnanswered], are given up for new ones, the oldest first, so that callers for which
// the source hangs keep no other from getting a token. The zero value is for a source
// that responds.
type calls struct {
	mu        sync.Mutex
	running   list.List     // of *call, in the order in which they began
	abandoned int           // how many of them have no client that waits
	givenUp   int           // how many were given up, and have not ended
	responded time.Duration // when the source last responded, on the clock's Elapsed
	silent    bool          // a call that began after that got no response in time
}

// call is one of a source's calls.
type call struct {
	asked     time.Duration           // when it began, on the clock's Elapsed
	giveUp    context.CancelCauseFunc // ends its context
	place     *list.Element           // among those running; nil once it is given up
	abandoned bool                    // no client waits for it
}

// admit reports whether there may be another call. If there are too many, it gives up the
// oldest.
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
			oldest.giveUp(errCrowded)
			bounded--
		}
	}
	return true
}

// begin adds a call, and returns the context that it is to have.
func (c *calls) begin(ctx context.Context, now Reading) (context.Context, *call) {
	ctx, giveUp := context.WithCancelCause(ctx)
	begun := &call{asked: now.Elapsed, giveUp: giveUp}
	c.mu.Lock()
	defer c.mu.Unlock()
	begun.place = c.running.PushBack(begun)
	return ctx, begun
}

// remove takes a call off the list of those that are running.
func (c *calls) remove(running *call) {
	c.running.Remove(running.place)
	running.place = nil
	if running.abandoned {
		c.abandoned--
	}
}

// wait records whether a client waits for a call.
func (c *calls) wait(running *call, waits bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if running.place == nil || running.abandoned != waits {
		return
	}
	running.abandoned = !waits
	if waits {
		c.abandoned--
	} else {
		c.abandoned++
	}
}

// end records that a call has ended.
func (c *calls) end(ended *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ended.place != nil {
		c.remove(ended)
	} else {
		c.givenUp--
	}
}

// respond records that the source has responded to a caller.
func (c *calls) respond(now Reading) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.responded, c.silent = now.Elapsed, false
}

// timeOut records that a call which began at asked got no response in time.
func (c *calls) timeOut(asked Reading) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if asked.Elapsed >= c.responded {
		c.silent = true
	}
}

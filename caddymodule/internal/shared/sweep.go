// SPDX-License-Identifier: Apache-2.0

package shared

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// sweepInterval is how often a gateway removes records that are not renewed any
	// more: of callers that are gone, or of a project whose options have changed.
	// Storages need not expire keys by themselves.
	sweepInterval = time.Hour
	// sweepTime bounds one sweep.
	sweepTime = time.Minute
	// sweepAge is for how long a token must have expired before its record is
	// removed, so that clocks of the fleet may differ.
	sweepAge = time.Hour
)

// sweeper decides when to sweep.
type sweeper struct {
	mu   sync.Mutex
	last time.Duration // on the clock's Elapsed
}

// isDue reports whether a sweep is due, and counts it as done.
func (s *sweeper) isDue(now time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now-s.last < sweepInterval {
		return false
	}
	s.last = now
	return true
}

// sweep removes records that expired long ago, as many as there is time for. It ends
// at the first error, without a report: the next sweep finds the rest.
func (t *Tokens) sweep(ctx context.Context) {
	if !t.sweeper.isDue(t.Clock.Now().Elapsed) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sweepTime)
	defer cancel()
	var keys []string
	err := t.within(ctx, operationTime, func(ctx context.Context) (err error) {
		keys, err = t.Storage.List(ctx, directory, false)
		return err
	}, nil)
	if err != nil {
		return
	}
	// In random order, several gateways, or one in several sweeps, get through more
	// records than there is time for in one.
	rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] }) //nolint:gosec // not a secret
	for _, key := range keys {
		stored, err := t.load(ctx, key)
		// A record that cannot be read (Expire is 0) stays: it may be of a newer
		// version.
		if err == nil && stored.Expire > 0 && stored.Expired(t.Clock.Now().Wall, -sweepAge) {
			err = t.remove(ctx, key)
		}
		if err != nil {
			return
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package shared

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// sweepInterval is how often a gateway that asks its source removes records
	// that nobody renews any more: of callers that are gone, or of a project
	// that has changed.
	sweepInterval = time.Hour
	// sweepTime is how long it looks for them.
	sweepTime = time.Minute
	// sweepAge is how long a token must have expired before its record goes.
	// Whoever uploads again by then finds the key as it was.
	sweepAge = time.Hour
)

// sweeper tells when it is time to sweep.
type sweeper struct {
	mu   sync.Mutex
	last time.Duration // on the clock's Elapsed
}

func (s *sweeper) isDue(now time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now-s.last < sweepInterval {
		return false
	}
	s.last = now
	return true
}

// sweep removes records that have long expired, as many as there is time for.
// What cannot be removed now is found again; errors end it.
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
	// Several gateways, or one again and again, get through more than one can.
	rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] }) //nolint:gosec // not a secret
	for _, key := range keys {
		stored, err := t.load(ctx, key)
		// What cannot be read may be of a later version.
		if err == nil && stored.Expire > 0 && stored.Expired(t.Clock.Now().Wall, -sweepAge) {
			err = t.remove(ctx, key)
		}
		if err != nil {
			return
		}
	}
}

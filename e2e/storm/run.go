// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	// warmUploads come before anything fails, and waves of calmUploads when all is repaired: by the
	// first, gateways learn of the clock that is right again, and by the next of the resolver, for
	// whose lock in the storage they may have to wait. In the last wave, all must be well.
	warmUploads, calmUploads, waves = 4000, 300, 4
	// recovery is how long after a failure a gateway does not ask a resolver again.
	recovery = 6 * time.Second
)

// run warms the gateways up, has the storm, and looks at what is left.
func (s *storm) run(ctx context.Context) (*result, error) {
	s.begin, s.commit = time.Now(), commit()
	defer s.progress()()
	last := int64(s.uploads - waves*calmUploads)
	s.upload(ctx, min(warmUploads, last))
	before, err := s.measure()
	if err != nil {
		return nil, err
	}
	storming, end := context.WithCancel(ctx)
	defer end()
	var failing sync.WaitGroup
	failing.Go(func() { s.outages.run(storming, schedule(s.seed, slices.Sorted(maps.Keys(s.outages.things)))) })
	sending, stop := storming, context.CancelFunc(func() {})
	if s.duration > 0 {
		sending, stop = context.WithTimeout(storming, s.duration)
	}
	defer stop()
	began := time.Now()
	s.upload(sending, last)
	stormed := time.Since(began)
	end()
	failing.Wait()
	if ctx.Err() != nil {
		fmt.Fprintln(os.Stderr, "storm: it is ended early, by a signal; what has been sent is judged")
	}
	return s.look(context.WithoutCancel(ctx), before, stormed), nil
}

// look looks at what is left when all is repaired.
func (s *storm) look(ctx context.Context, before []resources, stormed time.Duration) *result {
	rate := float64(s.next.Load()) / stormed.Seconds()
	var calm int64
	for range waves {
		time.Sleep(recovery)
		calm = s.next.Load()
		s.upload(ctx, calm+calmUploads)
	}
	result := &result{storm: s, stormed: stormed, rate: rate, before: before}
	for id := calm; id < s.next.Load(); id++ {
		if it := s.ledger[id]; it.flaw == sound && it.ending != accepted {
			result.add(int(id), "all was repaired, and it was %s", it.ending)
		}
	}
	s.upstream.hush()
	for i, g := range s.gateways {
		if err := g.rest(); err != nil {
			result.add(-1, "%v", err)
		}
		after, err := g.settle(before[i])
		if err != nil {
			result.add(-1, "%v", err)
		}
		result.after = append(result.after, after)
		if after.exceeds(before[i]) {
			result.add(-1, "%s: before the storm it held %s, and afterwards %s:\n%s", g.name, before[i], after, g.goroutines())
		}
	}
	result.judge()
	return result
}

// measure returns what each gateway holds when there are no uploads.
func (s *storm) measure() (all []resources, err error) {
	s.upstream.hush()
	for _, g := range s.gateways {
		if err := g.rest(); err != nil {
			return nil, err
		}
		r, err := g.measure()
		if err != nil {
			return nil, err
		}
		l := g.current.Load()
		l.rests(l.scraped, false) // since there will be more
		all = append(all, r)
	}
	return all, nil
}

// progress shows how far the storm is, until the function that it returns is called.
func (s *storm) progress() (stop func()) {
	done := make(chan struct{})
	go func() {
		for ticks := time.NewTicker(10 * time.Second); ; {
			select {
			case <-done:
				ticks.Stop()
				return
			case <-ticks.C:
			}
			fmt.Fprintf(os.Stderr, "storm: %s, %d uploads, %d accepted; failing: %v\n",
				time.Since(s.begin).Round(time.Second), s.next.Load(), s.stats.total(accepted), s.outages.now())
		}
	}()
	return func() { close(done) }
}

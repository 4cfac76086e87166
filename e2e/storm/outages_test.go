// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fragile is a thing that shows whether it is down.
type fragile struct {
	down, times atomic.Int64
	repair      time.Duration
	err         error
}

func (f *fragile) begin(uint64) (string, error) {
	f.down.Add(1)
	f.times.Add(1)
	return "breaks", nil
}

func (f *fragile) end() error {
	time.Sleep(f.repair)
	f.down.Add(-1)
	return f.err
}

func TestOutagesEndAndDoNotOverlap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		quick, slow := new(fragile), &fragile{repair: 30 * time.Second}
		o := newOutages(map[string]thing{"quick": quick, "slow": slow})
		storming, end := context.WithTimeout(t.Context(), 10*time.Minute)
		defer end()
		done := make(chan struct{})
		go func() {
			o.run(storming, schedule(1, []string{"quick", "slow"}))
			close(done)
		}()
		for {
			time.Sleep(time.Second)
			synctest.Wait()
			if quick.down.Load() > 1 || slow.down.Load() > 1 {
				t.Fatalf("down at once: %d, %d", quick.down.Load(), slow.down.Load())
			}
			if storming.Err() != nil {
				break
			}
		}
		<-done
		if quick.down.Load() != 0 || slow.down.Load() != 0 {
			t.Errorf("in the end, down: %d, %d", quick.down.Load(), slow.down.Load())
		}
		quicks, slows := int(quick.times.Load()), int(slow.times.Load())
		if quicks < 50 || slows < 10 || o.counts["quick breaks"] != quicks || o.counts["slow breaks"] != slows {
			t.Errorf("%d and %d outages; counted: %v", quicks, slows, o.counts)
		}
		if o.counts["slow was still down"] == 0 || len(o.now()) != 0 || len(o.faults) != 0 {
			t.Errorf("counted %v; fails in the end: %v; faults: %v", o.counts, o.now(), o.faults)
		}
	})
}

func TestWhatCannotBeRepairedIsNoted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOutages(map[string]thing{"quick": &fragile{err: errors.New("it stays down")}})
		storming, end := context.WithTimeout(t.Context(), time.Minute)
		defer end()
		o.run(storming, schedule(1, []string{"quick"}))
		if len(o.faults) == 0 || o.faults[0] != "quick: it stays down" {
			t.Errorf("faults: %q", o.faults)
		}
	})
}

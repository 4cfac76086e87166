// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"sync"
	"time"
)

// outages are what has failed so far.
type outages struct {
	things  map[string]thing
	mu      sync.Mutex
	counts  map[string]int // by the thing and how it failed
	busy    map[string]bool
	faults  []string // what could not be broken or repaired as it should
	current map[string]string
}

func newOutages(things map[string]thing) *outages {
	return &outages{things: things, counts: make(map[string]int), busy: make(map[string]bool), current: make(map[string]string)}
}

// run breaks and repairs things by a schedule, until the context ends. Then all is repaired.
func (o *outages) run(ctx context.Context, plan iter.Seq[outage]) {
	began := time.Now()
	var running sync.WaitGroup
	defer running.Wait()
	for next := range plan {
		if !sleep(ctx, time.Until(began.Add(next.at))) {
			return
		}
		// A thing may take longer than planned to be repaired: a stop waits for uploads.
		if !o.take(next.thing) {
			continue
		}
		running.Go(func() {
			defer o.release(next.thing)
			o.happen(ctx, next)
		})
	}
}

// happen is one outage.
func (o *outages) happen(ctx context.Context, next outage) {
	broken := o.things[next.thing]
	how, err := broken.begin(next.variant)
	if err != nil {
		o.fault(next.thing, err)
	}
	o.begun(next.thing, how)
	sleep(ctx, next.length)
	if err := broken.end(); err != nil {
		o.fault(next.thing, err)
	}
}

// take reports whether a thing is up, and marks it as broken.
func (o *outages) take(name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.busy[name] {
		o.counts[name+" was still down"]++
		return false
	}
	o.busy[name] = true
	return true
}

func (o *outages) release(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.busy[name] = false
	delete(o.current, name)
}

func (o *outages) begun(name, how string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if how != "" {
		o.counts[name+" "+how]++
		o.current[name] = how
	}
}

// now returns what fails now.
func (o *outages) now() map[string]string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.current)
}

func (o *outages) fault(name string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.faults = append(o.faults, fmt.Sprintf("%s: %v", name, err))
}

// sleep reports whether a time has passed before the context ended.
func sleep(ctx context.Context, duration time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(duration):
		return true
	}
}

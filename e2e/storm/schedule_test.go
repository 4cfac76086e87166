// SPDX-License-Identifier: Apache-2.0

package main

import (
	"iter"
	"slices"
	"testing"
	"time"
)

var someThings = []string{"upstream", "resolver", "redis", "dns"}

// first returns the first outages of a schedule.
func first(count int, outages iter.Seq[outage]) (all []outage) {
	for next := range outages {
		if all = append(all, next); len(all) == count {
			break
		}
	}
	return all
}

func TestAScheduleDependsOnItsSeedAlone(t *testing.T) {
	t.Parallel()
	one := first(500, schedule(1, someThings))
	if again := first(500, schedule(1, someThings)); !slices.Equal(one, again) {
		t.Error("the same seed has another schedule")
	}
	if other := first(500, schedule(2, someThings)); slices.Equal(one, other) {
		t.Error("another seed has the same schedule")
	}
}

func TestOutagesOfOneThingDoNotOverlapAndThoseOfSeveralDo(t *testing.T) {
	t.Parallel()
	var overlaps int
	var last time.Duration
	ended, seen := make(map[string]time.Duration), make(map[string]int)
	for _, o := range first(2000, schedule(3, someThings)) {
		if o.at <= last {
			t.Fatalf("%+v begins before the one that it follows", o)
		}
		if o.length < shortestOutage || o.length > longestOutage {
			t.Errorf("%+v has another length", o)
		}
		if o.at <= ended[o.thing] {
			t.Errorf("%+v begins before the thing is up", o)
		}
		for thing, end := range ended {
			if thing != o.thing && end > o.at {
				overlaps++
			}
		}
		last, ended[o.thing] = o.at, o.at+o.length
		seen[o.thing]++
	}
	if overlaps < 1000 {
		t.Errorf("%d outages of 2000 began during another", overlaps)
	}
	for _, thing := range someThings {
		if seen[thing] < 300 {
			t.Errorf("%s failed %d times", thing, seen[thing])
		}
	}
}

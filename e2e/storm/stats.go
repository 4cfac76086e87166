// SPDX-License-Identifier: Apache-2.0

package main

import (
	"regexp"
	"sync"
	"sync/atomic"
)

// stats are how uploads ended for their clients.
type stats struct {
	mu           sync.Mutex
	byProtocol   map[string]*[endings]int
	byFlaw       map[string]*[endings]int
	byProject    map[string]*[endings]int
	reasons      map[string]int // of those that were not accepted
	bytes        int64          // of files that were accepted
	notConnected atomic.Int64   // to one gateway of several
}

func newStats() stats {
	return stats{
		byProtocol: make(map[string]*[endings]int), byFlaw: make(map[string]*[endings]int), byProject: make(map[string]*[endings]int),
		reasons: make(map[string]int),
	}
}

// volatile is what differs from one error to the next of a kind.
var volatile = regexp.MustCompile(`\d+`)

// maxReason bounds the length of a reason in the report, and maxReasons their number.
const maxReason, maxReasons = 110, 60

// note counts an upload.
func (s *stats) note(u *upload, r *response) {
	reason := ""
	if r.reason != "" {
		reason = volatile.ReplaceAllString(r.reason[:min(len(r.reason), maxReason)], "#")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	count := func(by map[string]*[endings]int, name string) {
		if by[name] == nil {
			by[name] = new([endings]int)
		}
		by[name][r.ending]++
	}
	count(s.byProtocol, u.protocol.String())
	count(s.byFlaw, u.flaw.String())
	count(s.byProject, u.project)
	if r.ending == accepted {
		s.bytes += int64(u.size)
	} else if key := r.ending.String() + ": " + reason; len(s.reasons) < maxReasons || s.reasons[key] > 0 {
		s.reasons[key]++
	}
}

// total returns how many uploads ended in a way.
func (s *stats) total(e ending) (total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, counts := range s.byProtocol {
		total += counts[e]
	}
	return total
}

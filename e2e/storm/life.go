// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
)

// outcomes are how many uploads ended how: by outcome, or by outcome and reason.
type outcomes map[string]int

func (o outcomes) sum() (total int) {
	for _, n := range o {
		total += n
	}
	return total
}

// String returns the outcomes in their order.
func (o outcomes) String() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(o)) {
		all = append(all, fmt.Sprintf("%s %d", name, o[name]))
	}
	return strings.Join(all, ", ")
}

// How a process ended.
const (
	killed  = "killed"
	stopped = "stopped"
	drained = "drained, then stopped" // it had no upload when it was asked to stop
	unborn  = "did not start"
)

// life is that of one process of a gateway, and what became of the uploads in it.
type life struct {
	name string // the gateway's, and a number

	mu        sync.Mutex
	ending    string
	logged    outcomes // in the access log
	reasons   outcomes // with their reasons
	responded outcomes // by its responses to clients
	unknown   int      // uploads that ended for their clients without a response
	inFlight  int      // uploads that it had when it was killed
	scraped   outcomes // its metrics, at last
	complete  bool     // no upload was under way then
}

func newLife(name string) *life {
	return &life{name: name, logged: make(outcomes), reasons: make(outcomes), responded: make(outcomes)}
}

// end says how the life ends, and how many uploads it has at that moment.
func (l *life) end(ending string, inFlight int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ending, l.inFlight = ending, inFlight
}

// rests takes the metrics of a life; complete says that no upload is under way.
func (l *life) rests(scraped outcomes, complete bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scraped, l.complete = scraped, complete
}

// follow reads the access log of a process, which is all that it prints.
func (l *life) follow(log io.Reader) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			Uploadcare struct{ Outcome, Reason string }
		}
		if json.Unmarshal(lines.Bytes(), &line) != nil || line.Uploadcare.Outcome == "" {
			continue
		}
		what := line.Uploadcare
		l.mu.Lock()
		l.logged[what.Outcome]++
		l.reasons[strings.TrimSpace(what.Outcome+" "+what.Reason)]++
		l.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, log)
}

// note counts how an upload ended for its client.
func (l *life) note(e ending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if outcome := e.outcome(); outcome != "" {
		l.responded[outcome]++
	} else {
		l.unknown++
	}
}

// wrong returns what does not add up in a life that is over, or at rest.
func (l *life) wrong() (all []violation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	add := func(format string, arguments ...any) {
		all = append(all, violation{-1, l.name + ": " + fmt.Sprintf(format, arguments...)})
	}
	// A process that is killed has no time to log what it has just responded.
	missing, most := 0, 0
	if l.ending == killed {
		most = l.inFlight
	}
	for outcome, n := range l.responded {
		missing += max(0, n-l.logged[outcome])
	}
	if missing > most {
		add("clients were told %v, and the access log has %v", l.responded, l.logged)
	}
	if logged := l.logged.sum(); logged > l.responded.sum()+l.unknown {
		add("the access log has %d uploads, and there were no more than %d with a response and %d without", logged, l.responded.sum(), l.unknown)
	}
	for outcome, n := range l.scraped {
		if n > l.logged[outcome] {
			add("the metrics have %v, and the access log %v", l.scraped, l.logged)
			return all
		}
	}
	if l.complete && l.scraped.sum() != l.logged.sum() {
		add("the metrics have %v, and the access log %v", l.scraped, l.logged)
	}
	return all
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"time"
)

// sample is what one visit measured.
type sample struct {
	Mode, Case, Contender string
	Round                 int
	Requests              int
	Bytes                 int64 // of files
	Seconds               float64
	CPU                   float64 // seconds, of the contender's processes
	P50, P99              time.Duration
	Slowest               float64 // the slowest upload, in times of the fastest
	RSS                   int64   // bytes, after it
	Other                 float64 // cores that other processes used meanwhile
}

// rate is in uploads per second, from which bytes per second follow for one size.
func (s sample) rate() float64 { return float64(s.Requests) / s.Seconds }

// cpuPerRequest is in seconds.
func (s sample) cpuPerRequest() float64 { return s.CPU / float64(s.Requests) }

// slowest is how unfair a contender is: 1 if all uploads take the same time.
func (s sample) slowest() float64 { return s.Slowest }

// p99 is in seconds.
func (s sample) p99() float64 { return s.P99.Seconds() }

// String is the line of progress.
func (s sample) String() string {
	return fmt.Sprintf("%2d %-12s %-6s %-15s %8.0f/s %8.1f MB/s %9.1f µs CPU p99 %10v RSS %3d MB other %.2f", s.Round, s.Mode, s.Case, s.Contender,
		s.rate(), float64(s.Bytes)/s.Seconds/1e6, s.cpuPerRequest()*1e6, s.P99.Round(time.Microsecond), s.RSS/1e6, s.Other)
}

// watch measures processes during a visit.
type watch struct {
	entrant     *entrant
	sink        *process
	began       time.Time
	busy        time.Duration
	own, others usage // of the contender, and of all that the benchmark runs
	seconds     float64
}

// newWatch begins to measure.
func newWatch(e *entrant, sink *process) (*watch, error) {
	w := &watch{entrant: e, sink: sink}
	err := w.read(&w.own, &w.others, &w.busy)
	w.began = time.Now()
	return w, err
}

// read reads what the contender, this process with its children, and the machine have used
// so far.
func (w *watch) read(own, self *usage, all *time.Duration) error {
	var err error
	if *all, err = busy(); err != nil {
		return err
	}
	if w.entrant.process != nil {
		if *own, err = usageOf(w.entrant.process.command.Process.Pid); err != nil {
			return err
		}
	}
	*self, err = usageOf(os.Getpid())
	return err
}

// lap ends the time of the visit. What processes use until stop still counts.
func (w *watch) lap() { w.seconds = time.Since(w.began).Seconds() }

// stop sets what the watch has measured in a sample.
func (w *watch) stop(s *sample) error {
	var own, self usage
	var all time.Duration
	if err := w.read(&own, &self, &all); err != nil {
		return err
	}
	// CPU until stop, time until lap: what a contender does after its last response
	// (collecting garbage) is its cost, and no time of the clients'.
	s.Seconds = w.seconds
	s.CPU = (own.cpu - w.own.cpu).Seconds()
	s.RSS = own.rss
	// self has the clients, the sink and all contenders, which are children of this
	// process. Clocks of 10 ms may make the difference negative.
	s.Other = max(0, ((all-w.busy)-(self.cpu-w.others.cpu)).Seconds()/time.Since(w.began).Seconds())
	return nil
}

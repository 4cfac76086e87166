// SPDX-License-Identifier: Apache-2.0

// Command benchmark measures what the gateway costs, compared with the plain proxy that it
// replaces and with other ways of editing a form in transit:
//
//	go run ./e2e/benchmark -out results
//
// Everything runs on this machine, over loopback: the clients in this process, the
// contenders, and a server that accepts the uploads. All contenders run at the same time;
// each round visits each of them once, and every other round in reverse order, so that a
// machine that becomes slower does not favour one. The report has the median, over the
// rounds, of the ratio to Caddy's plain reverse_proxy in the same round. There are two such
// proxies, the base and the control: the control's distance from 1 is the error of the
// benchmark.
//
// With -rss it measures memory instead, and with -distance the time of single uploads to an
// upstream that is far away.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// options are the command's flags.
type options struct {
	caddy      string
	also       []contender // builds to measure beside that one
	modes      []string
	cases      []string
	contenders []string
	rounds     int
	duration   time.Duration
	maxOther   float64
	out        string
	command    string
}

// main measures, or plays one of the roles.
func main() {
	if len(os.Args) > 1 {
		if role := roles[os.Args[1]]; role != nil {
			fail(role(os.Args[2:]))
			return
		}
	}
	var o options
	var modes, cases, contenders, also, report string
	var rss, distance bool
	flag.StringVar(&o.caddy, "caddy", "", "the Caddy to measure (default: ./cmd/caddy, built)")
	flag.StringVar(&also, "also", "", "comma-separated name=binary: other builds of the gateway, to measure beside it")
	flag.StringVar(&modes, "modes", "", "comma-separated, of: "+strings.Join(modeNames(), ","))
	flag.StringVar(&cases, "cases", "", "comma-separated, of: "+strings.Join(caseNames(), ",")+" (default: all, or 1GiB,20KiB where TLS is)")
	flag.StringVar(&contenders, "contenders", "", "comma-separated, of: "+strings.Join(contenderNames(), ",")+" (default: all that the mode and the machine have)")
	flag.IntVar(&o.rounds, "rounds", 9, "how often each contender is visited (default with -rss: 3, with -distance: 5)")
	flag.DurationVar(&o.duration, "duration", 2*time.Second, "how long a visit lasts, and one upload at least")
	flag.Float64Var(&o.maxOther, "max-other", 0.3, "a visit during which other processes used more cores than this does not count")
	flag.StringVar(&o.out, "out", "", "a directory for results.json, results.md and results.svg")
	flag.StringVar(&report, "report", "", "write the report of an earlier results.json, and measure nothing")
	flag.BoolVar(&rss, "rss", false, "measure memory: slow uploads, and a large one")
	flag.BoolVar(&distance, "distance", false, "measure how long single uploads take to an upstream at 20, 50 and 150 ms, directly and through what stands near the client, and write distance.md; cases are timings,bursts,stale and, with clients at 0 to 200 ms, clients")
	flag.Parse()
	if rss && !isSet("rounds") {
		o.rounds = 3
	}
	if distance && !isSet("rounds") {
		o.rounds = 5
	}
	o.modes, o.cases, o.contenders = split(modes), split(cases), split(contenders)
	for _, build := range split(also) {
		name, binary, _ := strings.Cut(build, "=")
		o.also = append(o.also, anotherBuild(name, binary))
	}
	o.command = "go run ./e2e/benchmark " + strings.Join(os.Args[1:], " ")

	switch {
	case report != "":
		results, err := readResults(report)
		fail(err)
		fail(results.write(o.out))
	case rss:
		fail(measureMemory(&o))
	case distance:
		fail(measureDistance(&o))
	default:
		fail(measure(&o))
	}
}

// roles are what this program does in the processes that it starts of itself.
var roles = map[string]func([]string) error{
	"sink":     runSink,
	"rewriter": runRewriter,
}

// isSet reports whether a flag is given, which its value alone does not show.
func isSet(name string) (set bool) {
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

// split splits the value of a flag at commas.
func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// fail ends the process if err is not nil.
func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		os.Exit(1)
	}
}

// measure runs all rounds of all modes and writes the report.
func measure(o *options) error {
	if err := o.check(); err != nil {
		return err
	}
	directory, remove, err := o.buildAside()
	if err != nil {
		return err
	}
	defer remove()
	results := newResults(o)
	for _, mode := range modes {
		if !selected(o.modes, mode.name) {
			continue
		}
		// What has been measured is saved, also if a later visit fails.
		err := results.run(o, mode, filepath.Join(directory, mode.name))
		if writeErr := results.save(o.out); err == nil {
			err = writeErr
		}
		if err != nil {
			return fmt.Errorf("%s: %w", mode.name, err)
		}
	}
	return results.write(o.out)
}

// run measures one mode: first that all contenders pass uploads correctly, then their cost.
func (r *results) run(o *options, mode mode, directory string) error {
	field, err := newField(o, mode, directory)
	if err != nil {
		return err
	}
	defer field.stop()
	for _, contender := range field.contenders {
		// An empty file, those of the small cases, and one that fills no buffer evenly.
		for _, size := range []int64{0, 1 << 10, 20 << 10, 5<<20 + 1} {
			if err := field.verify(contender, size); err != nil {
				return fmt.Errorf("%s, a file of %d bytes: %w", contender.name, size, err)
			}
		}
	}
	fmt.Fprintf(os.Stderr, "%s: all are correct\n", mode.name)
	// The others visit the contenders forwards and backwards in turn: what drifts (heat,
	// other tenants of the machine) then meets all of them alike.
	for round := range o.rounds + 1 { // the first warms up
		duration := o.duration
		if round == 0 {
			duration /= 10
		}
		for _, uploads := range cases {
			if !field.selects(o, uploads) {
				continue
			}
			for i := range field.contenders {
				if round%2 == 0 {
					i = len(field.contenders) - 1 - i
				}
				contender := field.contenders[i]
				sample, err := field.visit(contender, uploads, duration)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", contender.name, uploads.name, err)
				}
				if round > 0 {
					sample.Round = round
					r.Samples = append(r.Samples, sample)
					fmt.Fprintln(os.Stderr, sample)
				}
			}
		}
	}
	return nil
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// result is what a storm has shown.
type result struct {
	*storm
	stormed       time.Duration
	rate          float64 // uploads in a second
	before, after []resources
	violations    []violation
}

var errViolations = errors.New("what must not happen has happened")

func (r *result) add(id int, format string, arguments ...any) {
	r.violations = append(r.violations, violation{id, fmt.Sprintf(format, arguments...)})
}

// judge looks for all that must not have happened.
func (r *result) judge() {
	r.violations = append(r.violations, judge(r.ledger[:r.next.Load()], r.upstream.all)...)
	for _, g := range r.gateways {
		for _, l := range g.lives {
			r.violations = append(r.violations, l.wrong()...)
		}
	}
	for _, fault := range r.outages.faults {
		r.add(-1, "%s", fault)
	}
	for _, strange := range r.upstream.strange {
		r.add(-1, "to the upstream came a request that no client has sent: %s", strange)
	}
	// Where little is accepted, little is shown.
	if all := int(r.next.Load()); r.stats.total(accepted) < all/2 {
		r.add(-1, "of %d uploads, %d were accepted", all, r.stats.total(accepted))
	}
}

// write writes the report to the standard output, and to a file if it has a name.
func (r *result) write(path string) error {
	out := io.Writer(os.Stdout)
	if path != "" {
		file, err := os.Create(path)
		if err != nil {
			return err
		}
		defer file.Close()
		out = io.MultiWriter(out, file)
	}
	fmt.Fprintf(out, "# A storm of %d uploads\n\n", r.next.Load())
	fmt.Fprintf(out, "- command: `go run ./e2e/storm %s`; seed %d\n", strings.Join(os.Args[1:], " "), r.seed)
	fmt.Fprintf(out, "- %s, from %s; the storm itself lasted %s, with %.0f uploads in a second\n", r.commit, r.begin.UTC().Format(time.DateTime), r.stormed.Round(time.Second), r.rate)
	fmt.Fprintf(out, "- machine: %d cores, %s/%s, %s; %d clients at a time\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), r.workers)
	fmt.Fprintf(out, "- **%d violations**\n", len(r.violations))
	r.writeClients(out)
	r.writeUpstream(out)
	r.writeOutages(out)
	r.writeLives(out)
	r.writeResources(out)
	return r.writeViolations(out)
}

// commit names the checkout's, and whether it is as committed.
func commit() string {
	hash, err := exec.Command("git", "rev-parse", "HEAD").Output()
	if err != nil {
		return "no commit"
	}
	changed, _ := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output()
	name := "commit " + strings.TrimSpace(string(hash))
	if len(changed) > 0 {
		name += " with changes"
	}
	return name
}

func (r *result) writeClients(out io.Writer) {
	fmt.Fprintf(out, "\n## What clients were told\n\n| |")
	for e := range endings {
		fmt.Fprintf(out, " %s |", e)
	}
	fmt.Fprintf(out, "\n|---|%s\n", strings.Repeat("---|", int(endings)))
	for _, by := range []map[string]*[endings]int{r.stats.byProtocol, r.stats.byProject, r.stats.byFlaw} {
		for _, name := range slices.Sorted(maps.Keys(by)) {
			fmt.Fprintf(out, "| %s |", name)
			for _, n := range by[name] {
				fmt.Fprintf(out, " %d |", n)
			}
			fmt.Fprintln(out)
		}
	}
	fmt.Fprintf(out, "\n%d times a client could not connect to one of the gateways, and went to another.\n", r.stats.notConnected.Load())
}

func (r *result) writeUpstream(out io.Writer) {
	u := &r.upstream.stores
	fmt.Fprintf(out, "\n## The upstream\n\n%d requests came whole, of which %d had a credential that it did not take; it stored %d. The resolver was asked %d times.\n",
		u.signed, u.rejected, u.receipts, r.resolver.calls.Load())
}

// writeCounts writes counts as a list.
func writeCounts(out io.Writer, counts map[string]int) {
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(out, "- %s: %d\n", name, counts[name])
	}
}

func (r *result) writeOutages(out io.Writer) {
	fmt.Fprintf(out, "\n## What failed, and how often\n\n")
	writeCounts(out, r.outages.counts)
}

func (r *result) writeLives(out io.Writer) {
	fmt.Fprintf(out, "\n## What the gateways counted\n\n")
	all, ended := make(map[string]int), make(map[string]int)
	for _, g := range r.gateways {
		for _, l := range g.lives {
			for reason, n := range l.reasons {
				all[reason] += n
			}
			ending := l.ending
			if ending == "" {
				ending = "to the end"
			}
			ended[g.name+", "+ending]++
		}
	}
	writeCounts(out, all)
	fmt.Fprintf(out, "\nLives of processes:\n\n")
	writeCounts(out, ended)
	fmt.Fprintf(out, "\nWhat clients read, if not of an accepted upload:\n\n")
	writeCounts(out, r.stats.reasons)
}

func (r *result) writeResources(out io.Writer) {
	fmt.Fprintf(out, "\n## What the gateways held\n\n")
	for i, g := range r.gateways {
		fmt.Fprintf(out, "- %s: before, %s; afterwards, %s\n", g.name, r.before[i], r.after[i])
	}
}

// maxViolations bounds how many are written.
const maxViolations = 20

func (r *result) writeViolations(out io.Writer) error {
	if len(r.violations) == 0 {
		return nil
	}
	fmt.Fprintf(out, "\n## Violations\n\n")
	for _, v := range r.violations[:min(len(r.violations), maxViolations)] {
		fmt.Fprintf(out, "- %s\n", v)
		if v.id >= 0 {
			u := uploadOf(r.seed, v.id, len(r.gateways))
			fmt.Fprintf(out, "  - %+v\n", u)
		}
	}
	return fmt.Errorf("%w: %d", errViolations, len(r.violations))
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// results are all samples of a run, with what they were taken of.
type results struct {
	Machine  string
	Commit   string
	Command  string
	Date     string
	Rounds   int
	MaxOther float64
	Samples  []sample
}

func newResults(o *options) *results {
	return &results{
		Machine: machine(), Commit: commit(), Command: o.command, Date: time.Now().Format(time.DateOnly),
		Rounds: o.rounds, MaxOther: o.maxOther,
	}
}

func machine() string {
	model, kernel := "", ""
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		_, rest, _ := strings.Cut(string(info), "model name\t: ")
		model, _, _ = strings.Cut(rest, "\n")
	}
	if version, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		kernel = strings.TrimSpace(string(version))
	}
	return fmt.Sprintf("%d cores, %s, Linux %s, %s", runtime.NumCPU(), model, kernel, runtime.Version())
}

func commit() string {
	hash, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(hash))
}

func readResults(path string) (*results, error) {
	text, err := os.ReadFile(path) //nolint:gosec // that is what was asked for
	if err != nil {
		return nil, err
	}
	r := new(results)
	return r, json.Unmarshal(text, r)
}

// save writes the samples, if there is a place for them.
func (r *results) save(directory string) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil || directory == "" {
		return err
	}
	if err := os.MkdirAll(directory, 0o750); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(directory, "results.json"), text, 0o600)
}

// write prints the report and keeps it with its picture.
func (r *results) write(directory string) error {
	report := r.report()
	fmt.Print(report)
	if directory == "" {
		return nil
	}
	if err := os.MkdirAll(directory, 0o750); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(directory, "results.md"), []byte(report), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(directory, "results.svg"), []byte(r.picture()), 0o600)
}

// of returns a contender's samples, by round, without those that do not count.
func (r *results) of(mode, uploads, contender string) map[int]sample {
	samples := map[int]sample{}
	for _, s := range r.Samples {
		if s.Mode == mode && s.Case == uploads && s.Contender == contender && s.Other <= r.MaxOther {
			samples[s.Round] = s
		}
	}
	return samples
}

// contenders returns the names of those that were there.
func (r *results) contenders(mode, uploads string) (names []string) {
	for _, name := range slices.Concat(contenderNames(), r.others()) {
		if len(r.of(mode, uploads, name)) > 0 {
			names = append(names, name)
		}
	}
	return names
}

// others returns the names of other builds, in the order of their samples.
func (r *results) others() (names []string) {
	for _, s := range r.Samples {
		if !slices.Contains(names, s.Contender) && !slices.Contains(contenderNames(), s.Contender) {
			names = append(names, s.Contender)
		}
	}
	return names
}

// spread is a median with the quartiles.
type spread struct{ lower, median, upper float64 }

func (s spread) String() string {
	return fmt.Sprintf("%.2f (%.2f to %.2f)", s.median, s.lower, s.upper)
}

func newSpread(values []float64) spread {
	slices.Sort(values)
	return spread{quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75)}
}

// quantile interpolates between the sorted values.
func quantile(values []float64, q float64) float64 {
	position := q * float64(len(values)-1)
	i := int(position)
	if i+1 == len(values) {
		return values[i]
	}
	return values[i] + (values[i+1]-values[i])*(position-float64(i))
}

// figure is something that a sample says.
type figure func(sample) float64

// median is that of the samples.
func median(samples map[int]sample, figure figure) float64 {
	var values []float64
	for _, s := range samples {
		values = append(values, figure(s))
	}
	return newSpread(values).median
}

// ratios are to the base, round by round.
func ratios(samples, base map[int]sample, figure figure) (spread, bool) {
	var values []float64
	for round, s := range samples {
		if b, ok := base[round]; ok && figure(b) > 0 {
			values = append(values, figure(s)/figure(b))
		}
	}
	if len(values) == 0 {
		return spread{}, false
	}
	return newSpread(values), true
}

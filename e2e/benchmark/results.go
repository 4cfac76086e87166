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

// results are all samples of a run, and what is needed to repeat it.
type results struct {
	Machine  string
	Commit   string
	Command  string
	Date     string
	Rounds   int
	MaxOther float64
	Samples  []sample
}

// newResults returns results without samples.
func newResults(o *options) *results {
	return &results{
		Machine: machine(), Commit: commit(), Command: o.command, Date: time.Now().Format(time.DateOnly),
		Rounds: o.rounds, MaxOther: o.maxOther,
	}
}

// machine describes this machine: figures of two machines cannot be compared.
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

// commit describes the commit of the working directory.
func commit() string {
	hash, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(hash))
}

// readResults reads what save has written.
func readResults(path string) (*results, error) {
	text, err := os.ReadFile(path) //nolint:gosec // that is what was asked for
	if err != nil {
		return nil, err
	}
	r := new(results)
	return r, json.Unmarshal(text, r)
}

// save writes the samples as JSON, if there is a directory. It is called after each mode, so
// that an error in the last one does not lose an hour.
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

// write prints the report, and writes it and its picture if there is a directory.
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

// samplesOf returns a contender's samples by round, without those during which other
// processes disturbed.
func (r *results) samplesOf(mode, uploads, contender string) map[int]sample {
	samples := map[int]sample{}
	for _, s := range r.Samples {
		// A visit that was disturbed is left out and not repeated. It stays in
		// results.json, with how much it was.
		if s.Mode == mode && s.Case == uploads && s.Contender == contender && s.Other <= r.MaxOther {
			samples[s.Round] = s
		}
	}
	return samples
}

// contenders returns the names of the contenders with samples.
func (r *results) contenders(mode, uploads string) (names []string) {
	for _, name := range slices.Concat(contenderNames(), r.others()) {
		if len(r.samplesOf(mode, uploads, name)) > 0 {
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

// spread is a median with its quartiles.
type spread struct{ lower, median, upper float64 }

// String formats the spread for a table.
func (s spread) String() string {
	return fmt.Sprintf("%.2f (%.2f to %.2f)", s.median, s.lower, s.upper)
}

// newSpread sorts values and returns their spread.
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

// figure is a figure of a sample.
type figure func(sample) float64

// median returns the median of a figure.
func median(samples map[int]sample, figure figure) float64 {
	var values []float64
	for _, s := range samples {
		values = append(values, figure(s))
	}
	return newSpread(values).median
}

// ratios returns the spread of the ratios to the base in the same round, which cancels what a
// machine does to both.
func ratios(samples, base map[int]sample, figure figure) (spread, bool) {
	var values []float64
	for round, s := range samples {
		// A round without the base, which was disturbed then, has no ratio.
		if b, ok := base[round]; ok && figure(b) > 0 {
			values = append(values, figure(s)/figure(b))
		}
	}
	if len(values) == 0 {
		return spread{}, false
	}
	return newSpread(values), true
}

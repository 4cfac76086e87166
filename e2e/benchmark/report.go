// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
)

// report returns all tables, in Markdown.
func (r *results) report() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s. Commit %s, %s, %d rounds:\n\n```\n%s\n```\n\n", r.Machine, r.Commit, r.Date, r.Rounds, r.Command)
	fmt.Fprintf(&b, "Every figure is the median, over the rounds, of the ratio to Caddy's plain `reverse_proxy` in the same round, with the quartiles. "+
		"Throughput above 1 is more; CPU per upload, and the time in which 99 of 100 uploads get their response, are less below 1. "+
		"Visits during which other processes used more than %.1f cores do not count.\n\n", r.MaxOther)
	for _, contender := range contenders {
		if r.has(contender.name) {
			fmt.Fprintf(&b, "- `%s`: %s\n", contender.name, contender.what)
		}
	}
	for _, name := range r.others() {
		fmt.Fprintf(&b, "- `%s`: another build of the gateway\n", name)
	}
	for _, mode := range modes {
		var tables strings.Builder
		for _, uploads := range cases {
			if len(r.samplesOf(mode.name, uploads.name, base)) > 0 {
				r.table(&tables, mode, uploads)
			}
		}
		if tables.Len() > 0 {
			fmt.Fprintf(&b, "\n### %s\n%s", upperFirst(mode.String()), &tables)
		}
	}
	return b.String()
}

// has reports whether there are samples of a contender.
func (r *results) has(contender string) bool {
	for _, s := range r.Samples {
		if s.Contender == contender {
			return true
		}
	}
	return false
}

// upperFirst returns text with a capital at its beginning.
func upperFirst(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// table writes the table of one case.
func (r *results) table(b *strings.Builder, mode mode, uploads uploads) {
	baseSamples := r.samplesOf(mode.name, uploads.name, base)
	throughput, cpu := "uploads/s", "CPU µs/upload"
	if uploads.large() {
		throughput, cpu = "MB/s", "CPU s/GB"
	}
	columns := []string{"", throughput, "throughput", cpu, "CPU", "p99 ms", "p99", "RSS MB"}
	if uploads.crowded() {
		columns = append(columns, "slowest of a round / its fastest")
	}
	columns = append(columns, "rounds")
	fmt.Fprintf(b, "\n%s:\n\n|%s |\n%s|\n", uploads, strings.Join(columns, " | "), strings.Repeat("|---", len(columns)))
	for _, name := range r.contenders(mode.name, uploads.name) {
		samples := r.samplesOf(mode.name, uploads.name, name)
		rate, each := median(samples, sample.rate), median(samples, sample.cpuPerRequest)
		if uploads.large() {
			rate, each = rate*float64(uploads.size)/1e6, each*1e9/float64(uploads.size)
		} else {
			each *= 1e6
		}
		cells := []string{"`" + name + "`", fmt.Sprintf("%.0f", rate), r.cell(samples, baseSamples, sample.rate)}
		if name == "direct" {
			cells = append(cells, "", "")
		} else {
			cells = append(cells, fmt.Sprintf("%.3g", each), r.cell(samples, baseSamples, sample.cpuPerRequest))
		}
		cells = append(cells, fmt.Sprintf("%.3g", 1e3*median(samples, sample.p99)), r.cell(samples, baseSamples, sample.p99))
		if name == "direct" {
			cells = append(cells, "")
		} else {
			cells = append(cells, fmt.Sprintf("%.0f", median(samples, func(s sample) float64 { return float64(s.RSS) / 1e6 })))
		}
		if uploads.crowded() {
			cells = append(cells, fmt.Sprintf("%.2f", median(samples, sample.slowest)))
		}
		fmt.Fprintf(b, "| %s | %d |\n", strings.Join(cells, " | "), len(samples))
	}
	r.compare(b, mode, uploads)
}

// compare writes the ratios of contenders to those that they stand beside. They are taken
// within the rounds: the quotient of two medians would have the noise of both.
func (r *results) compare(b *strings.Builder, mode mode, uploads uploads) {
	for _, contender := range contenders {
		samples, others := r.samplesOf(mode.name, uploads.name, contender.name), r.samplesOf(mode.name, uploads.name, contender.beside)
		if contender.beside == "" || len(samples) == 0 || len(others) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n`%s` against `%s`: throughput %s, CPU %s, p99 %s\n", contender.name, contender.beside,
			r.cell(samples, others, sample.rate), r.cell(samples, others, sample.cpuPerRequest), r.cell(samples, others, sample.p99))
	}
}

// cell formats the ratios to the base, or a dash if there are none.
func (r *results) cell(samples, base map[int]sample, figure figure) string {
	if spread, ok := ratios(samples, base, figure); ok {
		return spread.String()
	}
	return "–"
}

// SPDX-License-Identifier: Apache-2.0

package project

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Counts are uploads by what has become of them, since the process began. A project that no
// config had for a while begins at 0 again, as its metrics do.
type Counts struct {
	Outcomes map[string]uint64 `json:"outcomes"`
	// Reasons are those of uploads that were not accepted, by outcome and reason.
	Reasons map[string]map[string]uint64 `json:"reasons,omitempty"`
	// Clients are uploads by the family of the client and the state of the credential that
	// it has sent itself. When only `none` and `valid` are left, no client depends on the
	// gateway to take a stale credential out.
	Clients map[string]map[string]uint64 `json:"clients,omitempty"`
}

// uploadCounts are the counts by project.
type uploadCounts map[string]Counts

// of returns the counts of a project, each outcome among them.
func (c uploadCounts) of(project string) Counts {
	if counts, ok := c[project]; ok {
		return counts
	}
	return newCounts()
}

func newCounts() Counts {
	counts := Counts{Outcomes: make(map[string]uint64)}
	for _, outcome := range Outcomes {
		counts.Outcomes[outcome.String()] = 0
	}
	return counts
}

// countUploads reads the metrics. Counters beside them would cost each upload twice as much,
// and could differ from them.
func countUploads() uploadCounts {
	all := make(uploadCounts)
	eachSeries(metrics.uploads, func(labels map[string]string, value float64) {
		project, outcome, reason := labels["project"], labels["outcome"], labels["reason"]
		counts, ok := all[project]
		if !ok {
			counts = newCounts()
		}
		count := uint64(value)
		counts.Outcomes[outcome] += count
		if count > 0 && reason != "" {
			counts.Reasons = added(counts.Reasons, outcome, reason, count)
		}
		all[project] = counts
	})
	eachSeries(metrics.clients, func(labels map[string]string, value float64) {
		counts, ok := all[labels["project"]]
		if !ok || value == 0 {
			return
		}
		counts.Clients = added(counts.Clients, labels["client"], labels["state"], uint64(value))
		all[labels["project"]] = counts
	})
	return all
}

// added adds to a count in a map of maps, which is made if it is nil.
func added(counts map[string]map[string]uint64, outer, inner string, count uint64) map[string]map[string]uint64 {
	if counts == nil {
		counts = make(map[string]map[string]uint64)
	}
	if counts[outer] == nil {
		counts[outer] = make(map[string]uint64)
	}
	counts[outer][inner] += count
	return counts
}

// eachSeries yields the series of a counter.
func eachSeries(counter prometheus.Collector, yield func(labels map[string]string, value float64)) {
	collected := make(chan prometheus.Metric)
	go func() {
		defer close(collected)
		counter.Collect(collected)
	}()
	for metric := range collected {
		var written dto.Metric
		if metric.Write(&written) != nil {
			continue
		}
		labels := make(map[string]string)
		for _, pair := range written.GetLabel() {
			labels[pair.GetName()] = pair.GetValue()
		}
		yield(labels, written.GetCounter().GetValue())
	}
}

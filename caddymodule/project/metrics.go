// SPDX-License-Identifier: Apache-2.0

package project

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are those of all projects. They outlive the config, and each config has a
// registry of its own. No label holds what a client sent, or clients could create series:
// a project is named as it is configured.
var metrics = newCollector()

// durationBuckets, in seconds, reach from a signature that is made here to a resolver with
// several attempts.
var durationBuckets = []float64{.001, .005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30}

// collector collects all metrics.
type collector struct {
	uploads    *prometheus.CounterVec
	requests   *prometheus.CounterVec
	durations  *prometheus.HistogramVec
	fallbacks  *prometheus.CounterVec
	rejections *prometheus.CounterVec

	// These are read from the credentials when they are scraped.
	expiry *prometheus.Desc
	offset *prometheus.Desc
}

func newCollector() *collector {
	const namespace, subsystem = "caddy", "uploadcare"
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, labels)
	}
	return &collector{
		uploads: counter("uploads_total",
			"Requests to signed endpoints, by whether a credential was put in or they were refused.", "project", "endpoint", "outcome"),
		requests: counter("token_requests_total",
			"Requests for a token to a project's source.", "project", "source", "outcome"),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "token_request_duration_seconds",
			Help:    "How long a project's source took to respond to a request for a token.",
			Buckets: durationBuckets,
		}, []string{"project", "source"}),
		fallbacks: counter("fallback_uses_total",
			"Credentials that came from a project's fallback, because its source failed.", "project"),
		rejections: counter("credentials_rejected_total",
			"Responses of the Upload API that rejected a credential.", "project", "reason"),
		expiry: prometheus.NewDesc(prometheus.BuildFQName(namespace, subsystem, "token_expiry_timestamp_seconds"),
			"When a project's cached token expires. It is not renewed while nobody uploads.", []string{"project"}, nil),
		offset: prometheus.NewDesc(prometheus.BuildFQName(namespace, subsystem, "clock_offset_seconds"),
			"By how much the machine's clock is corrected to show the time at the Upload API.", []string{"project"}, nil),
	}
}

// RegisterMetrics registers the metrics of projects with a config's registry. Another
// handler of the config may have done so before, which is no error.
func RegisterMetrics(registry *prometheus.Registry) error {
	err := registry.Register(metrics)
	if _, already := errors.AsType[prometheus.AlreadyRegisteredError](err); already {
		return nil
	}
	return err
}

// vectors are the counters and histograms.
func (c *collector) vectors() []prometheus.Collector {
	return []prometheus.Collector{c.uploads, c.requests, c.durations, c.fallbacks, c.rejections}
}

// Describe implements [prometheus.Collector].
func (c *collector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, vector := range c.vectors() {
		vector.Describe(descriptions)
	}
	descriptions <- c.expiry
	descriptions <- c.offset
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(collected chan<- prometheus.Metric) {
	for _, vector := range c.vectors() {
		vector.Collect(collected)
	}
	// One value for each project: Prometheus refuses all metrics of a scrape in which two
	// have the same labels.
	expiries, offsets := make(map[string]int64), make(map[string]time.Duration)
	// While two configs are up, or handlers differ in their options, a project
	// has several credentials; of its tokens the last to expire counts.
	tokenPool.Range(func(_, pooled any) bool {
		credentials := pooled.(*credentials)
		offsets[credentials.project] = credentials.clock.Offset()
		if token, ok := credentials.cache.Current(); ok {
			expiries[credentials.project] = max(expiries[credentials.project], token.Expire)
		}
		return true
	})
	for project, expire := range expiries {
		collected <- prometheus.MustNewConstMetric(c.expiry, prometheus.GaugeValue, float64(expire), project)
	}
	for project, offset := range offsets {
		collected <- prometheus.MustNewConstMetric(c.offset, prometheus.GaugeValue, offset.Seconds(), project)
	}
}

// forget deletes a project's series, unless a loaded config still has the project.
func (c *collector) forget(project string) {
	loaded := false
	tokenPool.Range(func(_, pooled any) bool {
		loaded = pooled.(*credentials).project == project
		return !loaded
	})
	if loaded {
		return
	}
	// Otherwise each public key that was ever configured would stay in the metrics until
	// Caddy stops.
	of := prometheus.Labels{"project": project}
	c.uploads.DeletePartialMatch(of)
	c.requests.DeletePartialMatch(of)
	c.durations.DeletePartialMatch(of)
	c.fallbacks.DeletePartialMatch(of)
	c.rejections.DeletePartialMatch(of)
}

// Interface guard
var _ prometheus.Collector = (*collector)(nil)

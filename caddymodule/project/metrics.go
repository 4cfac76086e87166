// SPDX-License-Identifier: Apache-2.0

package project

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the metrics of all projects. They outlive the config, and each config has a
// registry of its own. No label holds what a client sent, or clients could create series:
// a project is named as it is configured.
var metrics = newCollector()

// durationBuckets, in seconds, reach from a signature that is made here to a resolver with
// several attempts.
var durationBuckets = []float64{.001, .005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30}

// uploadBuckets, in seconds, reach from a small upload over a short line to one that
// takes an hour.
var uploadBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600}

// remainingBuckets, in seconds, reach from a credential that may expire on the way to one
// of days.
var remainingBuckets = []float64{1, 5, 15, 30, 60, 300, 600, 900, 1800, 3600, 86400}

// collector collects all metrics. They are one collector, so that a config registers either all
// of them or none.
type collector struct {
	uploads         *prometheus.CounterVec
	inFlight        *prometheus.GaugeVec
	uploadDurations *prometheus.HistogramVec
	received        *prometheus.CounterVec
	retries         *prometheus.CounterVec
	responses       *prometheus.CounterVec
	remaining       *prometheus.HistogramVec
	clients         *prometheus.CounterVec

	requests   *prometheus.CounterVec
	durations  *prometheus.HistogramVec
	fallbacks  *prometheus.CounterVec
	rejections *prometheus.CounterVec

	// These are read from the credentials when they are scraped.
	expiry  *prometheus.Desc
	pairs   *prometheus.Desc
	offset  *prometheus.Desc
	up      *prometheus.Desc
	storage *prometheus.Desc
	build   prometheus.Metric
}

// newCollector returns the metrics without any series: those of a project are made when it is
// loaded.
func newCollector() *collector {
	const namespace, subsystem = "caddy", "uploadcare"
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help, Buckets: buckets}, labels)
	}
	return &collector{
		uploads: counter("uploads_total",
			"Uploads, by what has become of them, and why.", "project", "endpoint", "outcome", "reason"),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "uploads_in_flight", Help: "Uploads that are under way.",
		}, []string{"project", "endpoint"}),
		uploadDurations: histogram("upload_duration_seconds",
			"How long uploads took, from their head to the end of the response.", uploadBuckets, "project", "endpoint", "outcome"),
		received: counter("received_bytes_total",
			"Bytes of bodies that clients have sent, counted when the upload has ended.", "project", "endpoint"),
		retries: counter("retries_total",
			"Uploads that were retried with another credential, by what has become of the last attempt.", "project", "outcome"),
		responses: counter("upstream_responses_total",
			"Responses of the Upload API, by the class of their status.", "project", "endpoint", "code"),
		remaining: histogram("credential_remaining_seconds",
			"How long credentials were still valid when they were put into uploads.", remainingBuckets, "project"),
		clients: counter("client_credentials_total",
			"Uploads, by the family of the client and the state of the credential that it sent itself.", "project", "client", "state"),
		requests: counter("token_requests_total",
			"Requests for a token to a project's source.", "project", "source", "outcome"),
		durations: histogram("token_request_duration_seconds",
			"How long a project's source took to respond to a request for a token.", durationBuckets, "project", "source"),
		fallbacks: counter("fallback_uses_total",
			"Credentials that came from a project's fallback, because its source failed.", "project"),
		rejections: counter("credentials_rejected_total",
			"Responses of the Upload API that rejected a credential.", "project", "reason"),
		expiry: prometheus.NewDesc(prometheus.BuildFQName(namespace, subsystem, "token_expiry_timestamp_seconds"),
			"When a project's cached token expires. It is not renewed without uploads, and not shown once it has expired.", []string{"project"}, nil),
		pairs: prometheus.NewDesc(prometheus.BuildFQName(namespace, subsystem, "static_expiry_timestamp_seconds"),
			"When a project's static credential expires, or has expired.", []string{"project"}, nil),
		offset: prometheus.NewDesc(prometheus.BuildFQName(namespace, subsystem, "clock_offset_seconds"),
			"By how much the machine's clock is corrected to show the time at the Upload API.", []string{"project"}, nil),
		up: prometheus.NewDesc(prometheus.BuildFQName(namespace, subsystem, "source_up"),
			"Whether a project's source responded when it was last asked; 1 before that.", []string{"project", "source"}, nil),
		storage: prometheus.NewDesc(prometheus.BuildFQName(namespace, subsystem, "storage_up"),
			"Whether the storage could be used when tokens were last shared through it; 1 before that.", []string{"project"}, nil),
		build: prometheus.MustNewConstMetric(prometheus.NewDesc(prometheus.BuildFQName(namespace, subsystem, "build_info"),
			"The versions of the gateway and of Caddy, and the commit of the gateway.", []string{"version", "commit", "caddy"}, nil),
			prometheus.GaugeValue, 1, ThisBuild().Version, ThisBuild().Commit, caddyVersion()),
	}
}

// shown are all metrics of the process.
var shown = []prometheus.Collector{metrics}

// AddMetrics has others registered beside those of projects. It is for package init.
func AddMetrics(others ...prometheus.Collector) { shown = append(shown, others...) }

// KeepMetrics registers the metrics with the registry of a config that is being loaded, if
// there are projects before it. Caddy's admin endpoint shows that registry from then on, also
// if the config fails to load.
func KeepMetrics(registry *prometheus.Registry) error {
	if !metrics.areAnyLoaded() {
		return nil
	}
	return RegisterMetrics(registry)
}

// RegisterMetrics registers all metrics with a config's registry. Another handler of the
// config may have done so before, which is no error.
func RegisterMetrics(registry *prometheus.Registry) error {
	for _, collector := range shown {
		err := registry.Register(collector)
		if _, already := errors.AsType[prometheus.AlreadyRegisteredError](err); err != nil && !already {
			return err
		}
	}
	return nil
}

// vector is a metric with one series for each combination of labels.
type vector interface {
	prometheus.Collector
	DeletePartialMatch(labels prometheus.Labels) int
}

// vectors are all metrics that are counted as things happen.
func (c *collector) vectors() []vector {
	return []vector{
		c.uploads, c.inFlight, c.uploadDurations, c.received, c.retries, c.responses, c.remaining, c.clients,
		c.requests, c.durations, c.fallbacks, c.rejections,
	}
}

// Describe implements [prometheus.Collector].
func (c *collector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, vector := range c.vectors() {
		vector.Describe(descriptions)
	}
	descriptions <- c.expiry
	descriptions <- c.offset
	descriptions <- c.up
	descriptions <- c.pairs
	descriptions <- c.storage
	descriptions <- c.build.Desc()
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(collected chan<- prometheus.Metric) {
	for _, vector := range c.vectors() {
		vector.Collect(collected)
	}
	if c.areAnyLoaded() { // or the config has no gateway
		collected <- c.build
	}
	// From here on one value for each project: Prometheus refuses all metrics of a scrape in
	// which two have the same labels.
	c.collectPairs(collected)
	c.collectStorages(collected)
	expiries, offsets, up := make(map[string]int64), make(map[string]time.Duration), make(map[[2]string]bool)
	// While two configs are up, or handlers differ in their options, a project
	// has several credentials; of its tokens the last to expire counts.
	tokenPool.Range(func(_, pooled any) bool {
		credentials := pooled.(*credentials)
		offsets[credentials.project] = credentials.clock.Offset()
		name := [2]string{credentials.project, credentials.source}
		before, known := up[name]
		// If one of several fails, the source is down: the others would hide it from an alert.
		up[name] = !credentials.asked.fails() && (before || !known)
		if token, ok := credentials.cache.Current(); ok && !token.Expired(credentials.clock.Now().Wall, 0) {
			expiries[credentials.project] = max(expiries[credentials.project], token.Expire)
		}
		return true
	})
	for project, expire := range expiries {
		collected <- prometheus.MustNewConstMetric(c.expiry, prometheus.GaugeValue, float64(expire), project)
	}
	for name, responds := range up {
		value := 0.0
		if responds {
			value = 1
		}
		collected <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, value, name[0], name[1])
	}
	for project, offset := range offsets {
		collected <- prometheus.MustNewConstMetric(c.offset, prometheus.GaugeValue, offset.Seconds(), project)
	}
}

// areAnyLoaded reports whether a config has any project.
func (*collector) areAnyLoaded() (loaded bool) {
	tokenPool.Range(func(any, any) bool {
		loaded = true
		return false
	})
	return loaded
}

// isLoaded reports whether a config has the project.
func (*collector) isLoaded(project string) (loaded bool) {
	tokenPool.Range(func(_, pooled any) bool {
		loaded = pooled.(*credentials).project == project
		return !loaded
	})
	return loaded
}

// forget deletes a project's series, unless a loaded config still has the project.
func (c *collector) forget(project string) {
	if c.isLoaded(project) {
		return
	}
	// Otherwise each public key that was ever configured would stay in the metrics until
	// Caddy stops.
	for _, vector := range c.vectors() {
		vector.DeletePartialMatch(prometheus.Labels{"project": project})
	}
}

// Interface guard
var _ prometheus.Collector = (*collector)(nil)

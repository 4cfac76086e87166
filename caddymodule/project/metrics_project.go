// SPDX-License-Identifier: Apache-2.0

package project

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// unknownProject is the label of uploads that were refused before their project was known.
// No project's public key is empty.
const unknownProject = ""

// Reasons why the Upload API rejects a credential, as [uploadapi.Rejection] names them.
const (
	rejectedExpired   = "expired"
	rejectedInvalid   = "invalid"
	rejectedExhausted = "exhausted"
)

// projectMetrics are a project's counters, looked up once, so that an upload
// only adds to them.
type projectMetrics struct {
	uploads   UploadsMetrics
	retries   [len(outcomeNames)]prometheus.Counter
	remaining prometheus.Observer
	clients   map[string]map[string]prometheus.Counter // by family and state

	requests struct{ ok, refused, failed prometheus.Counter }
	duration prometheus.Observer

	fallbackUses prometheus.Counter
	rejections   map[string]prometheus.Counter
}

// newProjectMetrics returns the counters of a project. They exist from the start, at 0, so
// that the first failure is an increase.
func newProjectMetrics(project, source string, fallback bool, refusals []string) *projectMetrics {
	m := &projectMetrics{
		uploads:    newUploadsMetrics(project, refusals),
		remaining:  metrics.remaining.WithLabelValues(project),
		duration:   metrics.durations.WithLabelValues(project, source),
		rejections: make(map[string]prometheus.Counter),
	}
	m.clients = make(map[string]map[string]prometheus.Counter)
	for _, family := range uploadapi.Clients() {
		m.clients[family] = make(map[string]prometheus.Counter)
		for _, state := range credentialStates {
			m.clients[family][state] = metrics.clients.WithLabelValues(project, family, state)
		}
	}
	for _, outcome := range Outcomes {
		m.retries[outcome] = metrics.retries.WithLabelValues(project, outcome.String())
	}
	m.requests.ok = metrics.requests.WithLabelValues(project, source, "ok")
	m.requests.refused = metrics.requests.WithLabelValues(project, source, "refused")
	m.requests.failed = metrics.requests.WithLabelValues(project, source, "failed")
	// Only then: a series at 0 would look as if there were a fallback that is never needed.
	if fallback {
		m.fallbackUses = metrics.fallbacks.WithLabelValues(project)
	}
	for _, reason := range []string{rejectedExpired, rejectedInvalid, rejectedExhausted} {
		m.rejections[reason] = metrics.rejections.WithLabelValues(project, reason)
	}
	return m
}

// asked counts the result of asking the source.
func (m *projectMetrics) asked(took time.Duration, err error) {
	m.duration.Observe(took.Seconds())
	switch {
	case err == nil:
		m.requests.ok.Inc()
	case errors.Is(err, source.ErrRefused):
		m.requests.refused.Inc()
	default:
		m.requests.failed.Inc()
	}
}

// rejected counts a response of the Upload API that rejected a credential, for one of the
// rejected* reasons.
func (m *projectMetrics) rejected(reason string) {
	// A kind of rejection that has no counter yet must not panic in an upload.
	if counter, ok := m.rejections[reason]; ok {
		counter.Inc()
	}
}

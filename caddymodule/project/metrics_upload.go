// SPDX-License-Identifier: Apache-2.0

package project

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// UploadMetrics are those of a project's uploads to one endpoint. All series exist from
// the start, at 0, so that the first failure is an increase. They are looked up once: an
// upload that ends after its project is gone must not bring one back.
type UploadMetrics struct {
	// InFlight is how many uploads are under way.
	InFlight prometheus.Gauge

	received  prometheus.Counter
	durations [len(outcomeNames)]prometheus.Observer
	outcomes  [len(outcomeNames)]map[string]prometheus.Counter // by reason
	responses [6]prometheus.Counter                            // of the upstream, by the first digit of the status; from 2 on
}

// UploadsMetrics are those of a project's uploads, by endpoint.
type UploadsMetrics map[*uploadapi.SignedEndpoint]*UploadMetrics

// UnknownUploads returns the metrics of uploads whose project is not known. refusals are
// the codes by which the gateway refuses uploads.
func UnknownUploads(refusals []string) UploadsMetrics {
	return newUploadsMetrics(unknownProject, refusals)
}

func newUploadsMetrics(project string, refusals []string) UploadsMetrics {
	all := make(UploadsMetrics)
	for _, endpoint := range uploadapi.SignedEndpoints() {
		of := prometheus.Labels{"project": project, "endpoint": endpoint.Path}
		m := &UploadMetrics{
			InFlight: metrics.inFlight.With(of),
			received: metrics.received.With(of),
		}
		uploads := metrics.uploads.MustCurryWith(of)
		durations := metrics.uploadDurations.MustCurryWith(of)
		for _, outcome := range Outcomes {
			m.durations[outcome] = durations.WithLabelValues(outcome.String())
			m.outcomes[outcome] = make(map[string]prometheus.Counter)
			for _, reason := range outcome.reasons(endpoint, refusals) {
				m.outcomes[outcome][reason] = uploads.WithLabelValues(outcome.String(), reason)
			}
		}
		responses := metrics.responses.MustCurryWith(of)
		for class := 2; class < len(m.responses); class++ {
			m.responses[class] = responses.WithLabelValues(strconv.Itoa(class) + "xx")
		}
		all[endpoint] = m
	}
	return all
}

// Ended counts an upload by what has become of it. A reason that is not on the outcome's
// list counts as [ReasonOther]: if an upstream could name a label, it could create series
// without end.
func (m *UploadMetrics) Ended(outcome Outcome, reason string, took time.Duration, received int64) {
	counter, known := m.outcomes[outcome][reason]
	if !known {
		counter = m.outcomes[outcome][ReasonOther]
	}
	counter.Inc()
	m.durations[outcome].Observe(took.Seconds())
	m.received.Add(float64(received))
}

// Responded counts a response of the upstream, also one that is not passed on.
func (m *UploadMetrics) Responded(status int) {
	if class := status / 100; class >= 2 && class < len(m.responses) {
		m.responses[class].Inc()
	}
}

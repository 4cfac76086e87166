// SPDX-License-Identifier: Apache-2.0

package project

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// UploadCounters count a project's uploads, by endpoint.
type UploadCounters map[*uploadapi.SignedEndpoint]uploadCounter

type uploadCounter struct{ signed, refused prometheus.Counter }

// UnknownUploads returns the counters of uploads that are refused before their project is
// known.
func UnknownUploads() UploadCounters { return newUploadCounters(unknownProject) }

func newUploadCounters(project string) UploadCounters {
	counters := make(UploadCounters)
	for _, endpoint := range uploadapi.SignedEndpoints() {
		counter := uploadCounter{refused: metrics.uploads.WithLabelValues(project, endpoint.Path, "refused")}
		// Without a project there is no credential, and a series that stays at 0 would
		// only raise questions.
		if project != unknownProject {
			counter.signed = metrics.uploads.WithLabelValues(project, endpoint.Path, "signed")
		}
		counters[endpoint] = counter
	}
	return counters
}

// Signed counts an upload that got its credential.
func (c UploadCounters) Signed(endpoint *uploadapi.SignedEndpoint) { c[endpoint].signed.Inc() }

// Refused counts an upload that was refused before it got one.
func (c UploadCounters) Refused(endpoint *uploadapi.SignedEndpoint) { c[endpoint].refused.Inc() }

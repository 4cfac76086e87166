// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sandbox/demo"
)

// With cors, a gateway accepts uploads from pages of the configured origins, and from no
// others.
func TestCORSRefusesOtherOrigins(t *testing.T) {
	requireBrowser(t)
	d := newDemonstration(t)
	local := demo.Options{Scripts: nodeModules}
	named, other := servePage(t, d, local), servePage(t, d, local)
	start(t, d.caddyfile("cors "+strings.TrimSuffix(named, "/")))

	for i, tc := range demoClients {
		t.Run(tc.client+" on the origin that is named", func(t *testing.T) {
			file := picture(t, "sunset.png", uint8(20*i))
			visit := drive(t, job{Page: named, Uploads: []uploading{with(tc.client, file)}})
			if failure := visit.Outcomes[0].Failure; failure != "" {
				t.Fatalf("the page says %q", failure)
			}
			wantStored(t, d.sandbox, visit.Outcomes[0].uuid(t), file)
		})
	}
	before := d.stored(t)
	for _, tc := range demoClients {
		t.Run(tc.client+" on another origin", func(t *testing.T) {
			visit := drive(t, job{Page: other, Uploads: []uploading{with(tc.client, picture(t, "sunset.png", 0))}})
			outcome := visit.Outcomes[0]
			if outcome.UUID != "" || strings.Contains(outcome.Response, `"file"`) {
				t.Errorf("the upload arrived: %+v", outcome)
			}
			if outcome.Failure == "" && outcome.Response == "" {
				t.Error("the page shows nothing")
			}
			visit.wantUploadTo(t, d.gateway+"/base/")
			if after := d.stored(t); after != before {
				t.Errorf("%d files are stored, want the %d of before", after, before)
			}
		})
	}
}

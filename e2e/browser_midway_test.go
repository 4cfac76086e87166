// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// A page that is still sending gets the response, and not a network error: that of the
// gateway, and that of the upstream.
func TestBrowserHasResponsesInMidUpload(t *testing.T) {
	const size = 40 * mebibyte
	wantFailure := func(t *testing.T, visit visit, want string) {
		t.Helper()
		if got := strings.TrimSpace(visit.Outcomes[0].Failure); got != want {
			t.Errorf("the page says %q, want %q", got, want)
		}
	}
	t.Run("the gateway's, HTTP/1.1", func(t *testing.T) {
		d := demonstrate(t, "otherpublickey")
		visit := drive(t, job{Page: d.page, Uploads: []uploading{with("form", randomFile(t, size))}})
		wantFailure(t, visit, "403: UPLOADCARE_PUB_KEY is invalid.")
	})
	t.Run("the upstream's, HTTP/1.1", func(t *testing.T) {
		requireBrowser(t)
		d := newDemonstration(t)
		d.page = d.sandbox + "/"
		start(t, strings.Replace(d.caddyfile(), "uploadcare_sandbox {", "uploadcare_sandbox {\n\t\trequest_limit 1MiB", 1))
		visit := drive(t, job{Page: d.page, Uploads: []uploading{with("form", randomFile(t, size))}})
		wantFailure(t, visit, "413: The size of the request is too large.")
	})
	t.Run("the gateway's, HTTP/2", func(t *testing.T) {
		site := startBuiltIn(t)
		const direct = 20 * mebibyte // below the client's threshold for parts
		visit := site.visit(t, "otherpublickey", with("client", randomFile(t, direct)), site.trust(t))
		wantFailure(t, visit, "ProjectPublicKeyInvalidError: UPLOADCARE_PUB_KEY is invalid.")
	})
}

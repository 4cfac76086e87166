// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// The uploaders send a link in the query: the widget with GET, File Uploader with POST. The sandbox fetches the file from itself.
func TestBrowserUploadsFromURL(t *testing.T) {
	d := demonstrate(t, publicKey)
	file := picture(t, "sunset.png", 0)
	original := drive(t, job{Page: d.page, Uploads: []uploading{with("form", file)}}).Outcomes[0].UUID
	source := d.sandbox + "/" + original + "/"
	for _, tc := range []struct{ client, name, method string }{
		{"widget from URL", "uploadcare-widget 3.24.0", http.MethodGet},
		{"uploader from URL", "@uploadcare/file-uploader 1.33.2", http.MethodPost},
	} {
		t.Run(tc.client, func(t *testing.T) {
			tried(t, tc.name+", Chromium", "/from_url/", "base URL")
			visit := drive(t, job{Page: d.page, Uploads: []uploading{with(tc.client, source)}})
			outcome := visit.Outcomes[0]
			if outcome.UUID == "" || outcome.UUID == original {
				t.Fatalf("the page has %+v, and the original is %s", outcome, original)
			}
			wantStored(t, d.sandbox, outcome.UUID, file)
			request := visit.asked(t, d.gateway+"/from_url/")
			query, err := url.ParseQuery(request.URL[strings.Index(request.URL, "?")+1:])
			if err != nil {
				t.Fatal(err)
			}
			if request.Method != tc.method || query.Get("source_url") != source || query.Get("pub_key") != publicKey {
				t.Errorf("the page asked for %s %s", request.Method, request.URL)
			}
			if query.Get("signature") != "" || query.Get("expire") != "" {
				t.Errorf("the page signed %s", request.URL)
			}
		})
	}
}

// asked returns the page's first request for an address, whatever its query.
func (v visit) asked(t *testing.T, address string) sentRequest {
	t.Helper()
	i := slices.IndexFunc(v.Requests, func(r sentRequest) bool { return strings.HasPrefix(r.URL, address+"?") })
	if i < 0 {
		t.Fatalf("nothing was asked of %s but %v", address, v.Requests)
	}
	return v.Requests[i]
}

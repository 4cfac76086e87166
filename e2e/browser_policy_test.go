// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// demonstrateRules starts a demonstration whose gateway has a policy, and returns addresses of
// a picture: where it may be fetched from, and where not.
func demonstrateRules(t *testing.T, rules string) (d demonstration, source, otherSource string) {
	t.Helper()
	requireBrowser(t)
	d = newDemonstration(t)
	d.page = d.sandbox + "/"
	allowed, other := servePictures(t, picture(t, "sunset.png", 0))
	start(t, withRules(t, d.caddyfile(), rules, allowed))
	return d, allowed + "/sunset.png", other + "/sunset.png"
}

const (
	browserWidget   = "uploadcare-widget 3.24.0, Chromium"
	browserUploader = "@uploadcare/file-uploader 1.33.2, Chromium"
)

// wantFailures uploads with clients of the demo page, and checks what the page says.
func wantFailures(t *testing.T, d demonstration, tests []browserRefusal) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.upload.Client+", "+test.name, func(t *testing.T) {
			tried(t, test.client, "policy: "+test.name, "base URL")
			visit := drive(t, job{Page: d.page, Uploads: []uploading{test.upload}})
			if got := strings.TrimSpace(visit.Outcomes[0].Failure + visit.Outcomes[0].Response); got != test.want {
				t.Errorf("the page says %q, want %q", got, test.want)
			}
		})
	}
	if count := d.stored(t); count != 0 {
		t.Errorf("%d files are stored", count)
	}
}

// shown is how the page shows the error of a client.
func (r policyRefusal) shown() string { return r.code + ": " + r.message }

// browserRefusal is an upload that a policy refuses, and what the page says then.
type browserRefusal struct {
	client, name string
	upload       uploading
	want         string
}

// Invariant 11, as the clients of a page show it: as their own error, with code and message.
func TestInvariant11BrowserShowsTheRefusalsOfAPolicy(t *testing.T) {
	d, _, elsewhere := demonstrateRules(t, narrowRules)
	large, text := pictureOf(t, smallLimit+1).path, textFile(t)
	wantFailures(t, d, []browserRefusal{
		{browserWidget, "a large file", with("widget", large), tooLarge.shown()},
		{browserWidget, "a large file in parts", with("widget", pictureOf(t, 11*mebibyte).path), partsTooLarge.shown()},
		{browserWidget, "a text", with("widget", text), wrongType.shown()},
		{browserWidget, "another host", with("widget from URL", elsewhere), wrongSource.shown()},
		{browserUploader, "a large file", with("uploader", large), tooLarge.shown()},
		{browserUploader, "a large file in parts", with("uploader", pictureOf(t, 26*mebibyte).path), partsTooLarge.shown()},
		{browserUploader, "a text", with("uploader", text), wrongType.shown()},
		{browserUploader, "another host", with("uploader from URL", elsewhere), wrongSource.shown()},
		{"HTML form, fetch, Chromium", "a text", with("form", text), "400: " + wrongType.message},
		{"HTML form, Chromium", "a text", with("form without JavaScript", text), wrongType.message},
	})
}

func TestInvariant11BrowserShowsThatAnEndpointIsForbidden(t *testing.T) {
	d, source, _ := demonstrateRules(t, directRules)
	wantFailures(t, d, []browserRefusal{
		{browserWidget, "a URL", with("widget from URL", source), wrongKind.shown()},
		{browserWidget, "parts", with("widget", pictureOf(t, 11*mebibyte).path), wrongKind.shown()},
		{browserUploader, "a URL", with("uploader from URL", source), wrongKind.shown()},
		{browserUploader, "parts", with("uploader", pictureOf(t, 26*mebibyte).path), wrongKind.shown()},
	})
}

// What is allowed arrives, with what the operator says of it.
func TestBrowserUploadsWithThePolicysFields(t *testing.T) {
	d, source, _ := demonstrateRules(t, wideRules)
	sunset := picture(t, "sunset.png", 0)
	for _, test := range []struct {
		client, name string
		upload       uploading
		file         string
	}{
		{browserWidget, "direct", with("widget", sunset), sunset},
		{browserWidget, "in parts", with("widget", pictureOf(t, 11*mebibyte).path), ""},
		{browserWidget, "from URL", with("widget from URL", source), sunset},
		{browserUploader, "direct", with("uploader", sunset), sunset},
		{browserUploader, "in parts", with("uploader", pictureOf(t, 26*mebibyte).path), ""},
		{browserUploader, "from URL", with("uploader from URL", source), sunset},
	} {
		t.Run(test.upload.Client+", "+test.name, func(t *testing.T) {
			tried(t, test.client, "policy: allowed, "+test.name, "base URL")
			visit := drive(t, job{Page: d.page, Uploads: []uploading{test.upload}})
			if failure := visit.Outcomes[0].Failure; failure != "" {
				t.Fatalf("the page says %q", failure)
			}
			file := test.file
			if file == "" {
				file = test.upload.What[0]
			}
			wantStored(t, d.sandbox, visit.Outcomes[0].UUID, file)
			wantOperators(t, d.sandbox, visit.Outcomes[0].UUID, nil)
		})
	}
}

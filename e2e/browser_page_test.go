// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sandbox/demo"
)

// The page as a person sees it, for the screenshots.
func TestBrowserDemoPage(t *testing.T) {
	d := demonstrate(t, publicKey)
	for _, tc := range []struct {
		name  string
		dark  bool
		width int
	}{
		{"light", false, 1280},
		{"dark", true, 1280},
		{"narrow", false, 390},
	} {
		t.Run(tc.name, func(t *testing.T) {
			visit := drive(t, job{Page: d.page, Dark: tc.dark, Width: tc.width, Uploads: []uploading{
				with("form", picture(t, "meadow.png", 0)),
				with("widget", picture(t, "harbour.png", 30)),
				with("uploader", picture(t, "evening.png", 60)),
			}})
			for _, outcome := range visit.Outcomes {
				if outcome.UUID == "" {
					t.Errorf("an upload failed: %q", outcome.Failure)
				}
			}
		})
	}
}

// newCDN serves npm's packages as a CDN does, by <package>@<version>/<path>, in
// the versions that are installed and no others.
func newCDN(t *testing.T) *httptest.Server {
	t.Helper()
	versioned := regexp.MustCompile(`^/npm/(@?[^@]+)@([^/]+)/(.+)$`)
	cdn := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		match := versioned.FindStringSubmatch(r.URL.Path)
		if match == nil || installedVersion(t, match[1]) != match[2] {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", "*")
		http.ServeFile(w, r, filepath.Join(nodeModules, match[1], match[3]))
	}))
	t.Cleanup(cdn.Close)
	return cdn
}

func installedVersion(t *testing.T, name string) string {
	t.Helper()
	return versionIn(t, filepath.Join(nodeModules, name))
}

// versionIn returns the version of the npm package in a directory.
func versionIn(t *testing.T, directory string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(directory, "package.json"))
	if err != nil {
		t.Error(err)
		return ""
	}
	var manifest struct{ Version string }
	parse(t, string(content), &manifest)
	return manifest.Version
}

// The versions and checksums that the page is made with are those of the
// packages: a browser that gets them from a CDN runs them.
func TestBrowserTakesTheScriptsOfACDN(t *testing.T) {
	requireBrowser(t)
	d := newDemonstration(t)
	d.page = servePage(t, d, demo.Options{Scripts: newCDN(t).URL + "/npm"})
	start(t, d.caddyfile())
	visit := drive(t, job{Page: d.page, Uploads: []uploading{
		with("widget", picture(t, "sunset.png", 0)),
		with("uploader", picture(t, "sunset.png", 20)),
	}})
	for _, outcome := range visit.Outcomes {
		if outcome.UUID == "" {
			t.Errorf("an upload failed: %q", outcome.Failure)
		}
	}
}

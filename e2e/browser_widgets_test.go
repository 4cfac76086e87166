// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
)

// widgetPage is what browser/widgets.mjs does with one version of the widget.
type widgetPage struct {
	URL   string       `json:"url"`
	Tasks []widgetTask `json:"tasks"`
}

type widgetTask struct {
	Task   string   `json:"task"`
	Files  []string `json:"files,omitempty"`
	Source string   `json:"source,omitempty"`
}

// The widget uploads in a browser in every version, and in every way that it has,
// the iframe for old browsers among them. It sends an empty pair, or none.
func TestOldWidgetsUpload(t *testing.T) {
	requireBrowser(t)
	s := startSite(t, "", "request_limit 10MiB") // large files arrive in parts, or they are refused
	small, other, large := newFile(t, 100<<10), newFile(t, 1000), newFile(t, 11*mebibyte)
	source := s.sandbox + "/" + s.upload(t, small) + "/"
	tasks := []widgetTask{
		{Task: "file", Files: []string{small.path}},
		{Task: "file", Files: []string{large.path}},
		{Task: "url", Source: source},
		{Task: "group", Files: []string{small.path, other.path}},
		{Task: "iframe", Files: []string{small.path}},
	}
	packages, err := filepath.Glob(filepath.Join(nodeModules, "uploadcare-widget*"))
	if err != nil || len(packages) < 2 {
		t.Fatalf("the widgets installed are %v, %v", packages, err)
	}
	pages := make([]widgetPage, 0, len(packages))
	for _, directory := range packages {
		pages = append(pages, widgetPage{serveWidget(t, s.gateway, directory), tasks})
	}
	for i, results := range driveWidgets(t, pages) {
		version := versionIn(t, packages[i])
		t.Run(version, func(t *testing.T) {
			for _, endpoint := range []string{"POST /base/, multipart", "POST /multipart/start/, urlencoded", "GET /from_url/, query", "POST /group/, urlencoded", "POST /iframe/, multipart"} {
				tried(t, "uploadcare-widget "+version+", Chromium", endpoint, "base URL")
			}
			for task, result := range results {
				if result.Failure != "" {
					t.Errorf("%+v: %q", tasks[task], result.Failure)
				}
			}
			s.checkStored(t, results[0].UUID, small)
			s.checkStored(t, results[1].UUID, large)
			s.checkStored(t, results[2].UUID, small)
			s.checkStored(t, results[4].UUID, small)
			s.checkMembers(t, results[3].UUID, small, other)
		})
	}
}

// serveWidget serves a page that has the widget of a directory and uploads to
// a gateway.
func serveWidget(t *testing.T, gateway, directory string) string {
	t.Helper()
	page := fmt.Sprintf(`<!DOCTYPE html><script>
UPLOADCARE_PUBLIC_KEY = %q
UPLOADCARE_URL_BASE = %q
UPLOADCARE_MULTIPART_MIN_SIZE = %d
</script><script src="/uploadcare.full.min.js"></script><input type="file" id="files" multiple>`, publicKey, gateway, multipartMinimum)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			fmt.Fprint(w, page)
			return
		}
		http.ServeFile(w, r, filepath.Join(directory, filepath.Base(r.URL.Path)))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// driveWidgets returns the results of each page's tasks.
func driveWidgets(t *testing.T, pages []widgetPage) [][]outcome {
	t.Helper()
	var results [][]outcome
	runDriver(t, "browser/widgets.mjs", map[string]any{
		"chromium": chromium, "pages": pages,
		"arguments": []string{"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"},
	}, &results)
	return results
}

// checkMembers checks that the group has exactly these files.
func (s *site) checkMembers(t *testing.T, id string, files ...sentFile) {
	t.Helper()
	members := s.members(t, id)
	if len(members) != len(files) {
		t.Fatalf("the group holds %v", members)
	}
	for i, file := range files {
		s.checkStored(t, members[i], file)
	}
}

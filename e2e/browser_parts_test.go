// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
)

// Large files go in parts: the start and the end through the gateway, which
// signs the start, and the parts themselves past it.
func TestBrowserUploadsInParts(t *testing.T) {
	d := demonstrate(t, publicKey)
	for _, tc := range []struct {
		client, name string
		size         int // above the client's own threshold
	}{
		{"widget", "uploadcare-widget 3.24.0", 11 * mebibyte},
		{"uploader", "@uploadcare/file-uploader 1.33.2", 26 * mebibyte},
	} {
		t.Run(tc.client, func(t *testing.T) {
			tried(t, tc.name+", Chromium", "/multipart/start/", "base URL")
			file := randomFile(t, tc.size)
			visit := drive(t, job{Page: d.page, Uploads: []uploading{with(tc.client, file)}})
			if failure := visit.Outcomes[0].Failure; failure != "" {
				t.Fatalf("the page says %q", failure)
			}
			wantStored(t, d.sandbox, visit.Outcomes[0].UUID, file)
			visit.wantUploadTo(t, d.gateway+"/multipart/start/")
			visit.wantUploadTo(t, d.gateway+"/multipart/complete/")
			visit.wantNoCredential(t)
		})
	}
}

func randomFile(t *testing.T, size int) string {
	t.Helper()
	content := make([]byte, size)
	_, _ = rand.Read(content) // it never fails
	path := filepath.Join(t.TempDir(), "large.bin")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// useFailingSource makes the binary under test one that has the source `failing`.
func useFailingSource(t *testing.T) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "caddy")
	if output, err := exec.Command("go", "build", "-tags", "e2e", "-o", binary, "./clients/failingsource").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, output)
	}
	t.Setenv("CADDY", binary)
}

// When a project's source has no credential, clients learn that they may retry, each in its
// own way. The secret key never fails, so the binary
// here has a source that does nothing else.
func TestClientsHaveTheErrorOfAnUnavailableCredential(t *testing.T) {
	const message = "No credential can be had for this project now. Try again later."
	useFailingSource(t)
	client, sent := newNodeClient(t), newFile(t, mebibyte)
	address, sandbox := freeAddress(t), freeAddress(t)
	start(t, strings.Replace(gateway(address, "http://"+sandbox), "secret_key demosecretkey", "failing", 1)+sandboxSite(sandbox))

	t.Run("curl", func(t *testing.T) {
		tried(t, "curl", "error: unavailable credential, /base/", "base URL")
		status, response := curl(t, "-i", "-F", "UPLOADCARE_PUB_KEY="+publicKey, "-F", "file=@"+sent.path, "http://"+address+"/base/")
		if status != http.StatusServiceUnavailable || !strings.HasSuffix(response, message) || !strings.Contains(response, "\nRetry-After: ") {
			t.Errorf("%d %s", status, response)
		}
	})
	for _, test := range []struct {
		endpoint string
		task     nodeTask
		options  []string
	}{
		{"/base/", nodeTask{Task: "file", Files: []string{sent.path}}, nil},
		{"/multipart/start/", nodeTask{Task: "file", Files: []string{sent.path}}, []string{"multipartMinFileSize", "1"}},
		{"/from_url/", nodeTask{Task: "url", URL: "http://127.0.0.1:9/file"}, nil},
		{"/group/", nodeTask{Task: "group"}, nil},
	} {
		t.Run("upload-client "+test.endpoint, func(t *testing.T) {
			tried(t, uploadClient, "error: unavailable credential, "+test.endpoint, "base URL")
			want := nodeError{true, "UploadError", "GatewayCredentialError", message}
			if result := client.do(t, "http://"+address, test.task, test.options...); result.Error == nil || *result.Error != want {
				t.Errorf("got %+v, want %+v", result.Error, want)
			}
		})
	}
}

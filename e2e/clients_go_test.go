// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// The Go library has no option for another host: it finds the gateway under the
// Upload API's own name.
func TestGoLibraryUploads(t *testing.T) {
	const library = "uploadcare-go v1.1.0"
	client := filepath.Join(t.TempDir(), "client")
	if output, err := exec.Command("go", "build", "-C", "clients/go", "-o", client, ".").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, output)
	}
	s := startTransparentSite(t, "")
	sent, large := newFile(t, 3*mebibyte), newFile(t, 2*multipartMinimum+1)
	do := func(t *testing.T, signed, protocol string, arguments ...string) string {
		t.Helper()
		return run(t, nil, client, append([]string{"-gateway", s.host, "-root", s.root, signed, protocol}, arguments...)...)
	}
	id := do(t, "-signed=false", "-http2", "direct", sent.path)
	source := s.sandbox + "/" + id + "/"
	for _, test := range []struct {
		task, endpoint, argument string
		want                     sentFile
	}{
		{"direct", "POST /base/, multipart", sent.path, sent},
		{"parts", "POST /multipart/start/, multipart", large.path, large},
		{"from_url", "POST /from_url/, multipart", source, sent},
		{"group", "POST /group/, multipart", id, sentFile{}},
	} {
		for _, protocol := range []string{"-http2", "-http2=false"} {
			t.Run(test.task+" "+protocol, func(t *testing.T) {
				tried(t, library+", "+map[string]string{"-http2": "HTTP/2", "-http2=false": "HTTP/1.1"}[protocol], test.endpoint, "DNS, TLS")
				for _, signed := range []string{"-signed=false", "-signed"} {
					uploaded := do(t, signed, protocol, test.task, test.argument)
					if test.task == "group" {
						s.checkGroup(t, uploaded, id)
						continue
					}
					s.checkStored(t, uploaded, test.want)
				}
			})
		}
	}
}

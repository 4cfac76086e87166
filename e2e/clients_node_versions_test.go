// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// Every major version of the JavaScript client uploads, and no old one needs to
// know how to sign: without a pair, and with a stale one, in every way that it has.
func TestOldUploadClientsUpload(t *testing.T) {
	// Large files arrive in parts, or they are refused.
	client, s := newNodeClient(t), startSite(t, "", "request_limit 10MiB")
	small, other, large := newFile(t, 100<<10), newFile(t, 1000), newFile(t, 26*mebibyte)
	source := s.sandbox + "/" + s.upload(t, small) + "/"
	pairs := map[string][]string{
		"no pair of its own": nil,
		"a stale pair":       {"secureSignature", staleSignature, "secureExpire", staleExpire},
	}
	for _, npmPackage := range client.oldVersions(t) {
		t.Run(npmPackage, func(t *testing.T) {
			version := versionIn(t, filepath.Join(client.directory, "node_modules", npmPackage))
			for _, endpoint := range []string{"/base/, multipart", "/multipart/start/, multipart", "/from_url/, query", "/group/, multipart"} {
				tried(t, "@uploadcare/upload-client "+version+", Node", "POST "+endpoint, "base URL")
			}
			for name, pair := range pairs {
				t.Run(name, func(t *testing.T) {
					options := nodeOptions(s.gateway, pair...)
					past := nodeOptions(s.sandbox, pair...)
					results := client.doAll(t, npmPackage,
						nodeTask{Task: "file", Files: []string{small.path}, Options: past},
						nodeTask{Task: "file", Files: []string{small.path}, Options: options},
						nodeTask{Task: "file", Files: []string{large.path}, Options: options},
						nodeTask{Task: "url", URL: source, Options: options},
						nodeTask{Task: "group", Files: []string{small.path, other.path}, Options: options},
					)
					if results[0].Error == nil || !strings.Contains(results[0].Error.Message, "ignature") {
						t.Errorf("past the gateway: %+v", results[0])
					}
					for i, result := range results[1:] {
						if result.Error != nil {
							t.Fatalf("task %d: %+v", i+1, *result.Error)
						}
					}
					s.checkStored(t, results[1].UUID, small)
					s.checkStored(t, results[2].UUID, large)
					s.checkStored(t, results[3].UUID, small)
					s.checkGroup(t, results[4].UUID, results[4].Files...)
					if members := results[4].Files; len(members) != 2 {
						t.Errorf("the group has %v", members)
					} else {
						s.checkStored(t, members[0], small)
						s.checkStored(t, members[1], other)
					}
				})
			}
		})
	}
}

// oldVersions returns the names of the packages that are older versions.
func (c nodeClient) oldVersions(t *testing.T) []string {
	t.Helper()
	directories, err := filepath.Glob(filepath.Join(c.directory, "node_modules", "upload-client-*"))
	if err != nil || len(directories) == 0 {
		t.Fatalf("no older version is installed: %v", err)
	}
	names := make([]string, len(directories))
	for i, directory := range directories {
		names[i] = filepath.Base(directory)
	}
	return names
}

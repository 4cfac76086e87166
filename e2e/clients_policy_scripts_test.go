// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"slices"
	"testing"
)

// Types are judged by what a client says of a file. Each language's library says it in its
// own way (some name no type, and some encode a file name beyond ASCII): none of them is
// taken for a doubtful one.
func TestScriptsUploadWithThePolicysFields(t *testing.T) {
	s := startPolicySites(t)
	sent := readSent(t, picture(t, "sunset é.png", 30))
	for _, script := range scripts {
		t.Run(script.client, func(t *testing.T) {
			tried(t, script.client, "policy: allowed, /base/", "base URL")
			need(t, script.debianPackages, script.probe[0], script.probe[1:]...)
			do := func(arguments ...string) string {
				arguments = slices.Concat(script.command[1:], []string{s.wide}, arguments)
				return run(t, nil, script.command[0], arguments...)
			}
			id := uuidOf(t, do("direct", sent.path))
			s.checkStored(t, id, sent)
			wantOperators(t, s.sandbox, id, nil)
			if script.second == "from_url" {
				tried(t, script.client, "policy: allowed, "+script.secondEndpoint, "base URL")
				id := s.fromURLDone(t, do("from_url", s.source))
				s.checkStored(t, id, s.picture)
				wantOperators(t, s.sandbox, id, nil)
			}
		})
	}
}

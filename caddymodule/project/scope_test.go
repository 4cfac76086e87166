// SPDX-License-Identifier: Apache-2.0

package project

import (
	"slices"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

func TestTheScopeIsTheEndpointAndTheRequestsSpellingOfIt(t *testing.T) {
	long := strings.Repeat("/", 60)
	for path, want := range map[string][]string{
		"/base/":        {"/base/"},
		"/base":         {"/base/", "/base"},
		"//base":        {"/base/", "//base", "//base/"},
		"/base//":       {"/base/", "/base//"},
		"/x/../base/":   {"/base/", "/x/../base/"},
		"/*/../base/":   {"/base/"},
		"base":          {"/base/"},
		long + "base":   {"/base/", long + "base"},
		long + "/base/": {"/base/"},
	} {
		if got := scopeOf(uploadapi.Signed("POST", path), path); !slices.Equal(got, want) {
			t.Errorf("%s: %q", path, got)
		}
	}
}

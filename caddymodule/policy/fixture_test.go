// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// compile returns the rules of a policy without mistakes.
func compile(t testing.TB, p Policy) *Rules {
	t.Helper()
	rules, err := p.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// at returns a signed endpoint.
func at(t testing.TB, path string) *uploadapi.SignedEndpoint {
	t.Helper()
	endpoint := uploadapi.Signed("POST", path)
	if endpoint == nil {
		t.Fatalf("%s is no signed endpoint", path)
	}
	return endpoint
}

// requireRefusal fails if err is not the refusal, or its cause does not name the option.
func requireRefusal(t testing.TB, err error, refusal *uploadapi.Error, option string) {
	t.Helper()
	var found *uploadapi.Error
	if !errors.As(err, &found) || found != refusal {
		t.Fatalf("the error is %v, and not %s", err, refusal.Code)
	}
	if !strings.Contains(err.Error(), option) {
		t.Fatalf("the error %q does not name %s", err, option)
	}
}

// numbered returns texts with numbers in them.
func numbered(format string, count int) []string {
	var texts []string
	for i := range count {
		texts = append(texts, fmt.Sprintf(format, i))
	}
	return texts
}

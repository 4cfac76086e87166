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
func compile(tb testing.TB, p Policy) *Rules {
	tb.Helper()
	rules, err := p.Compile()
	if err != nil {
		tb.Fatal(err)
	}
	return rules
}

// at returns a signed endpoint.
func at(tb testing.TB, path string) *uploadapi.SignedEndpoint {
	tb.Helper()
	endpoint := uploadapi.Signed("POST", path)
	if endpoint == nil {
		tb.Fatalf("%s is no signed endpoint", path)
	}
	return endpoint
}

// requireRefusal fails if err is not the refusal, or its cause does not name the option.
func requireRefusal(tb testing.TB, err error, refusal *uploadapi.Error, option string) {
	tb.Helper()
	var found *uploadapi.Error
	if !errors.As(err, &found) || found != refusal {
		tb.Fatalf("the error is %v, and not %s", err, refusal.Code)
	}
	if !strings.Contains(err.Error(), option) {
		tb.Fatalf("the error %q does not name %s", err, option)
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

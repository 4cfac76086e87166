// SPDX-License-Identifier: Apache-2.0

package project

import (
	"testing"

	"github.com/caddyserver/caddy/v2"
)

func TestAValueIsResolvedAsTheReplacerDoes(t *testing.T) {
	replacer := caddy.NewEmptyReplacer()
	for name, value := range map[string]any{"user": "anna", "number": 7, "empty": "", "a b": "blank", "{user": "nested", "escaped\\": "x"} {
		replacer.Set(name, value)
	}
	for _, value := range []string{
		"{user}", "{number}", "{empty}", "{unknown}", "{a b}", "{}", "{{user}}", "{user}{number}", "{user} ", " {user}", "{escaped\\}", "{user\\}}", "\\{user}", "{{user}", "{user}}",
	} {
		if got, want := resolve(replacer, value), replacer.ReplaceAll(value, ""); got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}

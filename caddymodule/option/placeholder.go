// SPDX-License-Identifier: Apache-2.0

package option

import (
	"fmt"
	"regexp"

	"github.com/caddyserver/caddy/v2"
)

// namedPlaceholder is one whose text cannot be part of a secret.
var namedPlaceholder = regexp.MustCompile(`^\{(env|file)\.[^{}]+\}$`)

// Resolve replaces the placeholders in the value of an option. One that is
// unknown or empty is an error, which names the option; the value is shown
// only if it is nothing but the name of a variable or file.
func Resolve(option, value string) (string, error) {
	resolved, err := caddy.NewReplacer().ReplaceOrErr(value, true, true)
	switch {
	case err != nil && namedPlaceholder.MatchString(value):
		return "", fmt.Errorf("%s: %s is not set or empty", option, value)
	case err != nil:
		return "", fmt.Errorf("%s: it holds a placeholder that is unknown or empty", option)
	case resolved == "":
		return "", fmt.Errorf("%s is empty", option)
	}
	return resolved, nil
}

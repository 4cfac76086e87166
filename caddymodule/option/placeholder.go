// SPDX-License-Identifier: Apache-2.0

package option

import (
	"fmt"
	"regexp"

	"github.com/caddyserver/caddy/v2"
)

// namedPlaceholder matches a value that is a single placeholder of a variable or file, so
// that no part of it can be a secret.
var namedPlaceholder = regexp.MustCompile(`^\{(env|file)\.[^{}]+\}$`)

// Resolve replaces the placeholders in the value of an option when the configuration is
// loaded. An unknown or empty placeholder, or an empty result, is an error that names the
// option. The error quotes the value only if it is a single placeholder of a variable or
// file.
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

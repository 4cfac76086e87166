// SPDX-License-Identifier: Apache-2.0

package form

import (
	"net/url"
	"strings"
)

// StripQuery takes the parameters called names, in any case of ASCII letters,
// out of a query string. The others stay as they are, byte for byte and in
// order. It looks at top-level names only: a value may hold what looks like a
// parameter, percent-encoded.
func StripQuery(query string, names []string) string {
	kept := make([]string, 0, strings.Count(query, "&")+1)
	for parameter := range strings.SplitSeq(query, "&") {
		if !matchesFold([]byte(parameterName(parameter)), names) {
			kept = append(kept, parameter)
		}
	}
	return strings.Join(kept, "&")
}

// parameterName returns the name of a parameter as a server reads it.
func parameterName(parameter string) string {
	name, _, _ := strings.Cut(parameter, "=")
	if unescaped, err := url.QueryUnescape(name); err == nil {
		return unescaped
	}
	return name
}

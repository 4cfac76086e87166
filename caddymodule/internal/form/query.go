// SPDX-License-Identifier: Apache-2.0

package form

import (
	"net/url"
	"strings"
)

// StripQuery takes the parameters of names out of a query string or urlencoded
// body, under any spelling that some server takes for one of them. The others
// stay as they are, byte for byte and in order. It looks at top-level names
// only: a value may hold what looks like a parameter, percent-encoded.
func StripQuery(query string, names Names) string {
	kept := make([]string, 0, strings.Count(query, "&")+1)
	for parameter := range strings.SplitSeq(query, "&") {
		if !names.resemble([]byte(parameterName(parameter))) {
			kept = append(kept, parameter)
		}
	}
	return strings.Join(kept, "&")
}

// HidesParameter reports whether a server that takes a semicolon for a
// separator, as some do, sees a parameter of names that StripQuery does not.
func HidesParameter(query string, names Names) bool {
	if !strings.Contains(query, ";") {
		return false
	}
	for parameter := range strings.SplitSeq(query, "&") {
		for i, hidden := range strings.Split(parameter, ";") {
			if i > 0 && names.resemble([]byte(parameterName(hidden))) {
				return true
			}
		}
	}
	return false
}

// parameterName returns the name of a parameter as a server reads it.
func parameterName(parameter string) string {
	name, _, _ := strings.Cut(parameter, "=")
	if unescaped, err := url.QueryUnescape(name); err == nil {
		return unescaped
	}
	return name
}

// SPDX-License-Identifier: Apache-2.0

package form

import (
	"strconv"
	"strings"
)

// StripQuery takes the parameters of names out of a query string or urlencoded
// body, under any spelling that some server takes for one of them. The others
// stay as they are, byte for byte and in order. It looks at top-level names
// only: a value may hold what looks like a parameter, percent-encoded.
func StripQuery(query string, names Names) string {
	kept := make([]string, 0, strings.Count(query, "&")+1)
	for parameter := range strings.SplitSeq(query, "&") {
		if !names.resemble(parameterName(parameter)) {
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
			if i > 0 && names.resemble(parameterName(hidden)) {
				return true
			}
		}
	}
	return false
}

// parameterName returns the name of a parameter as lenient servers read it:
// what is no escape stays as it is.
func parameterName(parameter string) []byte {
	name, _, _ := strings.Cut(parameter, "=")
	unescaped := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '+':
			unescaped = append(unescaped, ' ')
		case c == '%' && i+2 < len(name) && isHex(name[i+1]) && isHex(name[i+2]):
			value, _ := strconv.ParseUint(name[i+1:i+3], 16, 8) // two hexadecimal digits
			unescaped = append(unescaped, byte(value))
			i += 2
		default:
			unescaped = append(unescaped, c)
		}
	}
	return unescaped
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= lower(c) && lower(c) <= 'f'
}

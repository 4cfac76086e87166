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
	parameters, all := make([]string, 0, 16), 0
	for parameter := range strings.SplitSeq(query, "&") {
		if all++; !names.resembleParameter(parameter) {
			parameters = append(parameters, parameter)
		}
	}
	if len(parameters) == all {
		return query
	}
	return strings.Join(parameters, "&")
}

// HidesParameter reports whether a server that takes a semicolon for a
// separator, as some do, sees a parameter of names that StripQuery does not.
func HidesParameter(query string, names Names) bool {
	if !strings.Contains(query, ";") {
		return false
	}
	for parameter := range strings.SplitSeq(query, "&") {
		for i, hidden := range strings.Split(parameter, ";") {
			if i > 0 && names.resembleParameter(hidden) {
				return true
			}
		}
	}
	return false
}

// resembleParameter reports whether some server could take a parameter for one
// of the set.
func (n Names) resembleParameter(parameter string) bool {
	var buf [64]byte
	return n.resemble(appendParameterName(buf[:0], parameter))
}

// appendParameterName appends the name of a parameter as lenient servers read
// it: what is no escape stays as it is.
func appendParameterName(unescaped []byte, parameter string) []byte {
	name, _, _ := strings.Cut(parameter, "=")
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

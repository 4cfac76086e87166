// SPDX-License-Identifier: Apache-2.0

package form

import (
	"fmt"
	"strings"
)

const mediaType = "multipart/form-data"

// Boundary returns the boundary of a multipart/form-data body, given the values
// of the request's Content-Type header. It is stricter than [mime.ParseMediaType]:
// there must be one header with one boundary, spelled out. Where a lenient
// server could find another boundary, it answers ErrInvalidBoundary.
func Boundary(contentType []string) (string, error) {
	if len(contentType) == 0 {
		return "", ErrNotMultipart
	}
	if len(contentType) > 1 {
		return "", fmt.Errorf("%w: there are %d Content-Type headers", ErrInvalidBoundary, len(contentType))
	}
	media, parameters, _ := strings.Cut(contentType[0], ";")
	if !strings.EqualFold(strings.Trim(media, " \t"), mediaType) {
		return "", ErrNotMultipart
	}

	boundary, found := "", false
	for parameters = strings.Trim(parameters, " \t"); parameters != ""; {
		name, value, rest, err := nextParameter(parameters)
		if err != nil {
			return "", err
		}
		parameters = rest
		if len(name) < len("boundary") || !strings.EqualFold(name[:len("boundary")], "boundary") {
			continue
		}
		// boundary* and boundary*0 are RFC 2231's spellings, which some decode.
		if len(name) > len("boundary") && name[len("boundary")] != '*' {
			continue
		}
		if found || len(name) > len("boundary") {
			return "", fmt.Errorf("%w: more than one boundary parameter", ErrInvalidBoundary)
		}
		boundary, found = value, true
	}
	if !found {
		return "", ErrNoBoundary
	}
	if !validBoundary(boundary) {
		return "", ErrInvalidBoundary
	}
	return boundary, nil
}

// nextParameter cuts the first `name=value` from s, which does not begin with
// a blank.
func nextParameter(s string) (name, value, rest string, err error) {
	malformed := fmt.Errorf("%w: the parameters cannot be read", ErrInvalidBoundary)
	if s[0] == ';' { // an empty parameter, as in "a=b;; c=d" or "a=b;"
		return "", "", strings.TrimLeft(s[1:], " \t"), nil
	}
	name, s, found := strings.Cut(s, "=")
	if !found || !isToken(name) {
		return "", "", "", malformed
	}
	if quoted, ok := strings.CutPrefix(s, `"`); ok {
		value, s, found = strings.Cut(quoted, `"`)
		if !found || strings.Contains(value, `\`) {
			return "", "", "", malformed
		}
		s = strings.TrimLeft(s, " \t")
		if s != "" && s[0] != ';' {
			return "", "", "", malformed
		}
	} else {
		// Some clients leave out the quotes that a value such as
		// "----=_Part_1" needs. A comma or a quote is where servers part.
		end := strings.IndexByte(s, ';')
		if end < 0 {
			end = len(s)
		}
		value, s = strings.TrimRight(s[:end], " \t"), s[end:]
		if strings.ContainsAny(value, " \t,\"'\\") {
			return "", "", "", malformed
		}
	}
	return name, value, strings.TrimLeft(strings.TrimPrefix(s, ";"), " \t"), nil
}

// validBoundary reports whether boundary is 1 to 70 bchars that do not end with
// a space (RFC 2046, section 5.1.1).
func validBoundary(boundary string) bool {
	if boundary == "" || len(boundary) > MaxBoundaryLength || boundary[len(boundary)-1] == ' ' {
		return false
	}
	for i := range len(boundary) {
		if !isAlphanumeric(boundary[i]) && !strings.ContainsRune("'()+_,-./:=? ", rune(boundary[i])) {
			return false
		}
	}
	return true
}

func isToken[T string | []byte](s T) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && strings.IndexByte("!#$%&'*+-.^_`|~", s[i]) < 0 {
			return false
		}
	}
	return len(s) > 0
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

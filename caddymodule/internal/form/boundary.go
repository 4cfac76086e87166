// SPDX-License-Identifier: Apache-2.0

package form

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const mediaType = "multipart/form-data"

// Boundary returns the boundary of a multipart/form-data body, given the values
// of the request's Content-Type header. It is stricter than [mime.ParseMediaType]:
// there must be one header with one boundary, spelled out, and nothing in which
// a lenient server could find another. It answers ErrInvalidBoundary otherwise.
func Boundary(contentType []string) (string, error) {
	if !IsMultipart(contentType) {
		return "", ErrNotMultipart
	}
	if len(contentType) > 1 {
		return "", fmt.Errorf("%w: there are %d Content-Type headers", ErrInvalidBoundary, len(contentType))
	}
	_, parameters, _ := strings.Cut(contentType[0], ";")
	boundary, found := "", false
	for parameters = strings.Trim(parameters, " \t"); parameters != ""; {
		name, value, rest, err := nextParameter(parameters)
		if err != nil {
			return "", err
		}
		parameters = rest
		switch strings.ToLower(name) {
		case "":
		case "boundary":
			if found {
				return "", fmt.Errorf("%w: more than one boundary parameter", ErrInvalidBoundary)
			}
			boundary, found = value, true
		case "charset":
			if !plainCharset(value) {
				return "", fmt.Errorf("%w: charset %q", ErrInvalidBoundary, value)
			}
		default:
			return "", fmt.Errorf("%w: parameter %s", ErrInvalidBoundary, name)
		}
	}
	if !found {
		return "", ErrNoBoundary
	}
	if !validBoundary(boundary) {
		return "", ErrInvalidBoundary
	}
	return boundary, nil
}

// plainCharsets are those in which ASCII letters are what they seem.
var plainCharsets = regexp.MustCompile(`^(?i:|utf-?8|(us-)?ascii|latin-?1|iso[-_]8859-\d+|(windows|cp)-?12\d\d|koi8-[ru]|shift_jis|euc-(jp|kr)|gb2312|gbk|gb18030|big5)$`)

func plainCharset(charset string) bool { return plainCharsets.MatchString(charset) }

var charsetParameter = regexp.MustCompile(`(?i)charset\s*=\s*["']?([^"';,\s]*)`)

// HasPlainCharset reports whether names in ASCII are what they seem in a body
// of the given Content-Type: some servers decode them, and those of the query
// too, by its charset.
func HasPlainCharset(contentType []string) bool {
	return !slices.ContainsFunc(contentType, func(value string) bool {
		if indexFoldASCII(value, "charset") < 0 {
			return false
		}
		matches := charsetParameter.FindAllStringSubmatch(value, -1)
		return len(matches) < strings.Count(strings.ToLower(value), "charset") ||
			slices.ContainsFunc(matches, func(match []string) bool { return !plainCharset(match[1]) })
	})
}

// IsMultipart reports whether any of a request's Content-Type headers says
// multipart/form-data.
func IsMultipart(contentType []string) bool {
	return slices.ContainsFunc(contentType, func(value string) bool {
		media, _, _ := strings.Cut(value, ";")
		return strings.EqualFold(strings.Trim(media, " \t"), mediaType)
	})
}

var errParameters = fmt.Errorf("%w: the parameters cannot be read", ErrInvalidBoundary)

// nextParameter cuts the first `name=value` from s, which does not begin with
// a blank.
func nextParameter(s string) (name, value, rest string, err error) {
	if s[0] == ';' { // an empty parameter, as in "a=b;; c=d" or "a=b;"
		return "", "", strings.TrimLeft(s[1:], " \t"), nil
	}
	name, s, found := strings.Cut(s, "=")
	if !found || !isToken(name) {
		return "", "", "", errParameters
	}
	if quoted, ok := strings.CutPrefix(s, `"`); ok {
		value, s, found = strings.Cut(quoted, `"`)
		if !found || strings.Contains(value, `\`) {
			return "", "", "", errParameters
		}
		s = strings.TrimLeft(s, " \t")
		if s != "" && s[0] != ';' {
			return "", "", "", errParameters
		}
	} else {
		end := strings.IndexByte(s, ';')
		if end < 0 {
			end = len(s)
		}
		value, s = strings.TrimRight(s[:end], " \t"), s[end:]
		// Some servers end a value at the first character that needs quotes.
		if value != "" && !isToken(value) || strings.HasPrefix(value, "'") {
			return "", "", "", errParameters
		}
	}
	return name, value, strings.TrimLeft(strings.TrimPrefix(s, ";"), " \t"), nil
}

// validBoundary reports whether boundary is 1 to 70 bchars that do not end with
// a space (RFC 2046, section 5.1.1). A comma is one, but some servers cut there.
func validBoundary(boundary string) bool {
	if boundary == "" || len(boundary) > MaxBoundaryLength || boundary[len(boundary)-1] == ' ' {
		return false
	}
	for i := range len(boundary) {
		if !isAlphanumeric(boundary[i]) && !strings.ContainsRune("'()+_-./:=? ", rune(boundary[i])) {
			return false
		}
	}
	// Some servers look for the parameter anywhere, whatever stands between
	// its name and the sign.
	i := indexFoldASCII(boundary, "boundary")
	return i < 0 || !strings.Contains(boundary[i:], "=")
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

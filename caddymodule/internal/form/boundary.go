// SPDX-License-Identifier: Apache-2.0

package form

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// isSafeBoundary reports whether every server reads all of a boundary without quotes:
// some cut an unquoted one at a sign such as / : = ? * $ #. Quotes are not written
// where they are not needed, for web application firewalls take them for an attack.
func isSafeBoundary(boundary string) bool {
	if boundary == "" || len(boundary) > MaxBoundaryLength {
		return false
	}
	for i := range len(boundary) {
		if !isAlphanumeric(boundary[i]) && strings.IndexByte("-._'+", boundary[i]) < 0 {
			return false
		}
	}
	return true
}

// isBoundary reports whether a boundary can be written so that every server reads it.
// What would have to be escaped within quotes cannot: servers differ in escapes.
func isBoundary(boundary string) bool {
	if boundary == "" || len(boundary) > MaxBoundaryLength || boundary[len(boundary)-1] == ' ' {
		return false
	}
	for i := range len(boundary) {
		if c := boundary[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// boundariesIn returns the boundaries that servers could read in a joined Content-Type
// header, the likeliest first, and whether it has that parameter at all. Which of them
// the form uses is found out from its first delimiter: see [ContentType.Settle]. It
// returns at most one more than maxBoundaries.
func boundariesIn(header string) (boundaries []string, found bool) {
	add := func(boundary string) {
		boundary = strings.TrimRight(boundary, " \t")
		if len(boundaries) <= maxBoundaries && isBoundary(boundary) && !slices.Contains(boundaries, boundary) {
			boundaries = append(boundaries, boundary)
		}
	}
	rest := header
	for range maxBoundaryParameters {
		i := indexFoldASCII(rest, boundaryName)
		if i < 0 {
			break
		}
		rest = rest[i+len(boundaryName):]
		value, ok := strings.CutPrefix(strings.TrimLeft(rest, " \t"), "=")
		if !ok {
			continue
		}
		found = true
		value = strings.TrimLeft(value, " \t")
		if quoted, ok := strings.CutPrefix(value, `"`); ok {
			addQuoted(quoted, add)
		} else {
			addUnquoted(value, add)
		}
	}
	return boundaries, found
}

// maxBoundaryParameters is how many of these parameters are read, and pieces of each.
// Each could extend to the end of the header, so that reading all would take time that
// grows with the square of its length.
const maxBoundaryParameters = 16

// maxBoundaries is how many boundaries a Content-Type may be read as: each costs a
// comparison with lines of the body. Three different headers make seven.
const maxBoundaries = 8

var errManyBoundaries = fmt.Errorf("%w: it can be read in too many ways", ErrInvalidBoundary)

// addQuoted adds the readings of a boundary that begins with a quote.
func addQuoted(s string, add func(string)) {
	literal, _, closed := strings.Cut(s, `"`)
	if !closed {
		addUnquoted(s, add)
		return
	}
	add(literal)
	add(strings.TrimLeft(literal, " \t"))
	if strings.Contains(literal, `\`) { // a quoted pair (RFC 9110, section 5.6.4)
		add(strings.ReplaceAll(literal, `\`, ""))
	}
}

// addUnquoted adds the readings of a boundary that begins without a quote. Servers cut
// it at a semicolon, but some clients put one, or a blank, into an unquoted boundary,
// and a proxy may have joined several headers by a comma.
func addUnquoted(s string, add func(string)) {
	pieces := strings.SplitN(s, ";", maxBoundaryParameters)
	value := pieces[0]
	add(strings.TrimRight(value, "\" \t")) // a closing quote without an opening one is no part of it
	for _, sign := range []string{",", " ", "\t"} {
		shorter, _, _ := strings.Cut(strings.TrimRight(value, " \t"), sign)
		add(shorter)
	}
	for _, next := range pieces[1:] {
		if strings.TrimSpace(next) == "" || strings.Contains(next, "=") || len(value) > MaxBoundaryLength {
			return // the next parameter, or more than any boundary has
		}
		value += ";" + next
		add(value)
	}
}

// cutBoundary returns what is left of a boundary for servers that cut it at a comma or a
// blank even within quotes, as Rack and CGI.pm do at the first, or read another. The editor
// searches for this shorter text, and so sees every delimiter that any server sees.
func cutBoundary(boundary string) string {
	if hasOtherReading(boundary) {
		return ""
	}
	cut := len(boundary)
	for _, sign := range []byte(", ") { // IndexByte is faster than a loop over characters
		if i := strings.IndexByte(boundary[:cut], sign); i > 0 {
			cut = i
		}
	}
	return boundary[:cut]
}

// hasOtherReading reports whether some server may read a boundary that has nothing in common
// with this one: Mojolicious takes the last `boundary=` in the header, even one within quotes;
// Tornado splits at a semicolon and keeps the quote before the boundary; aiohttp drops blanks
// there; Jetty takes single quotes for quotes, too; Commons FileUpload decodes encoded words.
func hasOtherReading(boundary string) bool {
	return strings.IndexByte(boundary, ';') >= 0 || strings.HasPrefix(boundary, " ") || strings.HasPrefix(boundary, "'") ||
		strings.IndexByte(boundary, '=') >= 0 && (strings.Contains(boundary, "=?") || boundaryParameter.MatchString(boundary))
}

const boundaryName = "boundary"

var boundaryParameter = regexp.MustCompile(`(?i)boundary[ \t]*=`)

// isToken reports whether s is a token of RFC 9110, section 5.6.2.
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

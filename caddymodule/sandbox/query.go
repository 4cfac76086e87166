// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// readQuery parses the query of a request. The service refuses NUL anywhere.
func readQuery(r *http.Request) (url.Values, *uploadapi.Error) {
	query, refusal := parseQuery(r.URL.RawQuery)
	if refusal == nil && hasNull(query) {
		refusal = uploadapi.ErrNullCharacters
	}
	return query, refusal
}

// parseQuery parses a query string or a urlencoded body as most servers do: only `&`
// separates pairs, and an invalid escape stands for itself. Package net/url drops pairs
// such as `source_url=http://a/?b;c=100%`, which some clients send without escaping. Other
// servers separate at `;` as well, so a credential behind one counts, too: a gateway must
// not leave one there.
func parseQuery(text string) (url.Values, *uploadapi.Error) {
	if strings.Count(text, "&") >= maxFields { // before anything is allocated for them
		return nil, uploadapi.ErrTooManyFields
	}
	values := make(url.Values)
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" { // as in "a=1&&b=2"
			continue
		}
		name, value := parsePair(pair)
		values.Add(name, value)
		_, behind, _ := strings.Cut(pair, ";")
		for piece := range strings.SplitSeq(behind, ";") {
			if name, value := parsePair(piece); isCredential(name) {
				values.Add(name, value)
			}
		}
	}
	return values, nil
}

// parsePair parses `name=value`.
func parsePair(pair string) (name, value string) {
	name, value, _ = strings.Cut(pair, "=")
	return unescape(name), unescape(value)
}

// isCredential reports whether a field has the name of a credential, in any case of
// letters: some servers ignore case.
func isCredential(name string) bool {
	return slices.ContainsFunc(uploadapi.CredentialFields(), func(field string) bool { return strings.EqualFold(name, field) })
}

// unescape decodes `%` followed by two hexadecimal digits, and `+`.
func unescape(text string) string {
	var valid strings.Builder
	for {
		before, behind, found := strings.Cut(text, "%")
		valid.WriteString(before)
		if !found {
			break
		}
		if len(behind) >= 2 && isHex(behind[0]) && isHex(behind[1]) {
			valid.WriteByte('%')
		} else {
			valid.WriteString("%25")
		}
		text = behind
	}
	// It refuses the whole text for one invalid escape, hence the repair before.
	unescaped, _ := url.QueryUnescape(valid.String()) // cannot fail: all escapes are valid now
	return unescaped
}

// isHex reports whether c is a hexadecimal digit.
func isHex(c byte) bool {
	return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0
}

// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
)

// A client names a charset, by which some parsers decode values. Forced ones are exact, or the
// form is refused; ASCII is the same in each.
func TestForcedValuesInACharset(t *testing.T) {
	s := theSuite(t)
	var messages []message
	var lefts []request
	var users []string
	for _, user := range []string{"anna@example.com", forcedUser[1], `a\b`, "~anna"} {
		for _, client := range requestsWithCharset() {
			left, err := fixture.Force(fixture.Forced{ContentType: client.contentType, Query: client.query, Body: client.body}, forcedNames, [2]string{forcedUser[0], user})
			if err != nil {
				if user == "anna@example.com" {
					t.Errorf("refused: %v\n%s", err, client)
				}
				continue
			}
			client.contentType, client.query, client.body = left.ContentType, left.Query, left.Body
			messages, lefts, users = append(messages, client.message()), append(lefts, client), append(users, user)
		}
	}
	sees := make([]int, len(s.readers))
	for i, readings := range s.read(t, messages) {
		for j, r := range s.readers {
			for _, p := range readings[j].params() {
				if !r.isForced(p.name, forcedUser[0]) {
					continue
				}
				sees[j]++
				if !strings.HasPrefix(p.value, users[i]) {
					t.Errorf("%s sees %q=%q\n%s", r.name, p.name, p.value, lefts[i])
				}
			}
		}
	}
	t.Logf("parsers see the field %v times", sees)
}

// requestsWithCharset are requests that name a charset.
func requestsWithCharset() []request {
	const params, pairs = "application/x-www-form-urlencoded", "pub_key=" + publicKey + "&source_url=x"
	var forms []request
	for _, charset := range []string{"utf-8", "UTF8", "utf_8", "latin-1", "us-ascii", "gbk", "shift_jisx0213", "utf-8-sig"} {
		field := field("_charset_", charset)
		forms = append(forms,
			rawForm(plainType+"; charset="+charset, bodyOf(plainBoundary, plainKey, plainFile)), rawForm(plainType+"; charset=utf-8; charset=\""+charset+"\"", bodyOf(plainBoundary, plainKey, plainFile)),
			formOf(field), rawForm(plainType, bodyOf(plainBoundary, plainKey, plainFile, field)),
			urlencoded(params+"; charset="+charset, pairs), urlencoded(params, "_charset_="+charset+"&"+pairs), urlencoded(params, pairs+"&_charset_="+charset),
			request{method: "GET", path: "/from_url/", contentType: []string{params + "; charset=" + charset}, query: pairs}, request{method: "GET", path: "/from_url/", query: pairs + "&_charset_=" + charset})
	}
	return forms
}

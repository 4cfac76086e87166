// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
)

// judgedNames are the fields whose values a policy judges.
var judgedNames = []string{"source_url", "size", "filename", "content_type"}

// A rule on a field is as strong as the weakest reading: each value that a parser reads under
// the field's name in what leaves, the gateway has seen.
func TestValuesOfJudgedFieldsAreKnown(t *testing.T) {
	s := theSuite(t)
	for j, sees := range s.checkJudged(t, judgedForms(rand.New(rand.NewPCG(11, 16)))) {
		if sees < 50 {
			t.Errorf("%s sees a judged field %d times: too few to show anything", s.readers[j].name, sees)
		}
	}
}

// checkJudged compares what parsers read of forms that leave with what the gateway has
// seen, and returns how often each sees a judged field.
func (s *suite) checkJudged(t *testing.T, forms []request) []int {
	t.Helper()
	var messages []message
	var known [][]string
	var lefts []request
	refused := 0
	for _, client := range forms {
		values, left, err := fixture.Watch(fixture.Forced{ContentType: client.contentType, Query: client.query, Body: client.body}, credentialNames, judgedNames)
		if err != nil {
			refused++
			continue
		}
		anew := client
		anew.contentType, anew.query, anew.body = left.ContentType, left.Query, left.Body
		messages, known, lefts = append(messages, anew.message()), append(known, values), append(lefts, anew)
	}
	failed, sees := 0, make([]int, len(s.readers))
	for i, readings := range s.read(t, messages) {
		for j, r := range s.readers {
			for _, p := range readings[j].params() {
				if !slices.ContainsFunc(judgedNames, func(name string) bool { return r.isForced(p.name, name) }) {
					continue
				}
				sees[j]++
				if !isKnown(p.value, known[i]) {
					if failed++; failed <= 20 {
						t.Errorf("%s reads %q=%q; known are %q\n%s", r.name, p.name, p.value, known[i], lefts[i])
					}
				}
			}
		}
	}
	t.Logf("%d forms passed and %d were refused; %d values are not known", len(lefts), refused, failed)
	return sees
}

// isKnown reports whether the gateway has seen a value. Nothing can be made of an empty one,
// Go takes blanks off the end of what is said to be quoted-printable, and ends it at NUL, and
// libmodsecurity loses the line ends in a value, and Mojolicious a line feed at its end. What is
// no UTF-8, parsers decode as they please.
func isKnown(value string, known []string) bool {
	return value == "" || slices.ContainsFunc(known, func(other string) bool {
		before, _, _ := strings.Cut(other, "\x00")
		return value == other || value == strings.TrimRight(other, " ") || value == before || value == lineEnds.Replace(other) || value == strings.TrimSuffix(other, "\n") ||
			!utf8.ValidString(other) && asciiOf(value) == asciiOf(other)
	})
}

var lineEnds = strings.NewReplacer("\r\n", "", "\n", "")

// badEscapes are parameters, less their names, with what is an escape to some parsers alone.
var badEscapes = []string{
	"%s=forged%%zz", "%s=f%%6frged%%zz", "%s=%%u0066orged", "%s=x%%u002f@y", "%s=f%%6Frged%%u002f;c", "%s=%%5bforged%%5D%%2f%%", "%s=%%66orged%%6", "%s=forged%%+9", "%s=f%%6frged%%C3%%A9", "%s%%6=forged&%[1]s%%=forged&%[1]s%%9=forged", "%s=forge\xe4\xaf", "%s=forged\n", "a=b\xa6%s\xbdforged",
}

// judgedForms are requests with a judged field in spellings of its name, and with values
// that parsers may decode.
func judgedForms(random *rand.Rand) []request {
	var forms []request
	for _, name := range judgedNames {
		for _, spelling := range forgeries(name) {
			forms = append(forms, formOf(field(spelling, forged)), formOf(disposition(spelling)+"\r\nContent-Type: text/plain; charset=utf-16\r\n\r\nf%6frged+=?utf-8?q?=20?="))
			for _, text := range slices.Concat(badEscapes, []string{"%s=forged&%[1]s=f%%6Frged+x", "%s=forged;c", "a=b;%s=forged;c"}) {
				text = fmt.Sprintf(text, strings.NewReplacer("=", "%3D", "&", "%26").Replace(spelling))
				forms = append(forms, urlencoded("application/x-www-form-urlencoded", text+"&pub_key="+publicKey),
					request{method: "GET", path: "/from_url/", query: queryOf("pub_key=" + publicKey + "&" + text)})
			}
		}
		for _, lines := range []string{
			"Content-Transfer-Encoding: base64", "content-transfer-encoding : BASE64", "Content-Transfer-Encoding: quoted-printable", "Content-Transfer-Encoding:\r\n base64", "Content-Encoding: gzip", "X: y\r\nContent-Transfer-Encoding: base64", "Content-Transfer-Encoding: \"base64\"",
			"Content-Type: text/plain; charset=utf-7", "Content-Length: 3", "Content-Type: application/json", "Content-Type: application/x-www-form-urlencoded", "Content-Type: multipart/mixed; boundary=i", "Content-Type: message/rfc822",
		} {
			for _, value := range []string{"Zm9yZ2Vk", "f=6Frged", "f=\r\norged", " forged ", "forged\r\n", "\r\nforged", "forged\x00x", "a&" + name + "=forged", "--i\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\nforged\r\n--i--\r\n", "\"forged\"", "f+AG8-rged"} {
				forms = append(forms, formOf(disposition(name)+"\r\n"+lines+"\r\n\r\n"+value), formOf(disposition(name)+"\r\n\r\n"+value))
			}
		}
	}
	g := &grammar{Rand: random}
	for range ofFlag(0, 300, 10_000) {
		name := g.one(judgedNames...)
		if g.chance(30) {
			forms = append(forms, formOf(disposition(g.spelling(name))+"\r\n\r\n"+forged))
		} else {
			forms = append(forms, formOf(g.hidden(name)+"\r\n\r\n"+forged))
		}
	}
	return forms
}

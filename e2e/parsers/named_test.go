// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// expectation is what is to become of a named form.
type expectation int

const (
	// arrives: it is signed and goes on.
	arrives expectation = iota
	// refused: it is refused with a text.
	refused
	// unseen: it may be either, but no parser sees a credential or a second key.
	unseen
)

// named is a form that stands for a kind.
type named struct {
	name   string
	want   expectation
	client request
}

// Each kind of form that the gateway is to pass on, or not to, with siblings.
func TestNamedForms(t *testing.T) {
	s, e := theSuite(t), newEditor(t)
	forms := slices.Concat(
		contentTypeForms(), charsetForms(), codingForms(), partForms(), fileForms(), endForms(),
		keyForms(), hiddenForms(), hiddenFileForms(), encodedForms(), paramForms(), secondKeyForms(),
	)
	s.checkNamed(t, e, forms, rand.New(rand.NewPCG(1, 1)))
}

// checkNamed checks forms of which it is known what is to become of them.
func (s *suite) checkNamed(t *testing.T, e *editor, forms []named, random *rand.Rand) {
	t.Helper()
	clients := make([]request, len(forms))
	for i := range forms {
		clients[i] = forms[i].client
	}
	passed := 0
	for i, c := range s.check(t, e, clients, random) {
		if c.outcome.refused == "" {
			passed++
		}
		t.Run(forms[i].name, func(t *testing.T) {
			want, isRefused := forms[i].want, c.outcome.refused != ""
			switch {
			case want == arrives && isRefused:
				t.Errorf("it is refused, and %d of %d parsers read it alike: %s\n%s", c.most, c.all, c.outcome.refused, c.client)
			case want == refused && !isRefused:
				t.Errorf("it is not refused, and %d of %d parsers read it alike\n%s", c.most, c.all, s.report(&c))
			case isRefused && (c.outcome.status < 400 || c.outcome.status > 499):
				t.Errorf("it gets %d: %s\n%s", c.outcome.status, c.outcome.refused, c.client)
			case !isRefused && len(c.failures) > 0:
				t.Error(s.report(&c))
			}
		})
	}
	t.Logf("%d forms: %d passed on", len(forms), passed)
}

const (
	plainBoundary = "AaB03x"
	plainType     = "multipart/form-data; boundary=" + plainBoundary
	picture       = "\xff\xd8\xff\xe0 a picture \x00\x01\x02"
)

// Parts as browsers write them.
var (
	plainKey  = field("UPLOADCARE_PUB_KEY", publicKey)
	plainFile = disposition("file") + `; filename="cat.jpg"` + "\r\nContent-Type: image/jpeg\r\n\r\n" + picture
)

func field(name, value string) string { return disposition(name) + "\r\n\r\n" + value }

// bodyOf returns parts as a form.
func bodyOf(boundary string, parts ...string) string {
	var body strings.Builder
	for _, p := range parts {
		body.WriteString("--" + boundary + "\r\n" + p + "\r\n")
	}
	return body.String() + "--" + boundary + "--\r\n"
}

// formOf returns a request with the public key, a file and further parts before
// them.
func formOf(parts ...string) request {
	return rawForm(plainType, bodyOf(plainBoundary, append(parts, plainKey, plainFile)...))
}

func rawForm(contentType, body string) request {
	return request{contentType: []string{contentType}, body: []byte(body)}
}

// ordinary returns an ordinary form with a boundary and a header that says it.
func ordinary(boundary string, contentType ...string) request {
	return request{contentType: contentType, body: []byte(bodyOf(boundary, plainKey, field("signature", staleSignature), plainFile))}
}

// SPDX-License-Identifier: Apache-2.0

package redact_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/redact"
)

// isCredential reports whether a value has the characters and at least the length of a
// credential: hexadecimal digits, or a JWT.
func isCredential(value string) bool {
	return len(value) >= 16 && strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == ""
}

// FuzzCredential: in whatever an upstream repeats of a credential, in any case of its
// letters, nothing of it is left; redacting once more changes nothing; and a text without
// it stays as it is.
func FuzzCredential(f *testing.F) {
	f.Add(secret, "/?signature=", "&a=b", "X-A")
	f.Add(secret, secret[:10], secret[1:], http.CanonicalHeaderKey(secret))
	f.Add("d"+secret[1:], "", secret[1:], "Location")
	f.Add("eyJhbGciOiJIUzI1NiJ9.e30.K-_", "Bearer ", ", x", "Trailer")
	f.Fuzz(func(t *testing.T, value, before, behind, name string) {
		if !isCredential(value) {
			return
		}
		c := known(value)
		shows := func(text string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(value)) }
		for _, repeated := range []string{value, strings.ToUpper(value), http.CanonicalHeaderKey(value), ""} {
			text := before + repeated + behind
			redacted := c.Text(text)
			if shows(redacted) || c.Text(redacted) != redacted {
				t.Fatalf("of %q, %q becomes %q, and then %q", value, text, redacted, c.Text(redacted))
			}
			if !shows(text) && redacted != text {
				t.Fatalf("%q becomes %q without a credential", text, redacted)
			}
			if err := c.Error(errors.New(text)); shows(err.Error()) {
				t.Fatalf("of %q, the error shows %q", value, err)
			}
			checkHeader(t, c, http.Header{name: {before, text}, name + repeated: {behind}}, shows)
		}
	})
}

// checkHeader checks that a header shows nothing of the credential after it was redacted.
func checkHeader(t *testing.T, c *redact.Credential, header http.Header, shows func(string) bool) {
	t.Helper()
	original := header.Clone()
	c.Header(header)
	for name, values := range original {
		left, ok := header[name]
		if ok == shows(name) {
			t.Fatalf("the field %q is there: %v", name, ok)
		}
		for i := range left {
			if shows(left[i]) || !shows(values[i]) && left[i] != values[i] {
				t.Fatalf("%q of %q became %q", values[i], name, left[i])
			}
		}
	}
}

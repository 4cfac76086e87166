// SPDX-License-Identifier: Apache-2.0

package form

import (
	"net/url"
	"strings"
	"testing"
)

func TestHoldsDelimiter(t *testing.T) {
	for _, test := range []struct {
		boundary, value string
		want            bool
	}{
		{"b", "", false},
		{"b", "b", false},
		{"b", "-b", false},
		{"b", "--", false},
		{"b", "--b", true},
		{"b", "a--b--c", true},
		{"b", "--B", false},
		{"boundary", "--bound", false},
		{"a,b", "--a", true}, // cut by Rack and CGI.pm
		{"a;b", "--a", true},
		{"a b", "--a", true},
		{"a,b", "--b", false},
		{"x boundary=y", "--", true}, // which Mojolicious takes for another boundary
		{"ключ", "--ключ", true},
	} {
		if got := HoldsDelimiter(test.boundary, test.value); got != test.want {
			t.Errorf("boundary %q, value %q: %t", test.boundary, test.value, got)
		}
	}
}

func TestEscapeParam(t *testing.T) {
	for _, test := range []struct{ name, value, want string }{
		{"store", "auto", "store=auto"},
		{"metadata[user]", "a b&c=d;e+f%", "metadata%5Buser%5D=a%20b%26c%3Dd%3Be%2Bf%25"},
		{"metadata[a.b:c-d]", "ключ ‮", "metadata%5Ba.b%3Ac-d%5D=%D0%BA%D0%BB%D1%8E%D1%87%20%E2%80%AE"},
		{"a", "\r\n\x00#\"'", "a=%0D%0A%00%23%22%27"},
	} {
		got := EscapeParam(Field{test.name, test.value})
		if got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
		if values, err := url.ParseQuery(got); err != nil || values.Get(test.name) != test.value {
			t.Errorf("%q is read as %q, %v", got, values, err)
		}
	}
}

// Invariant 3: the promised length is exact, of values in any alphabet.
func TestInvariant3EditorPutsInValuesInAnyAlphabet(t *testing.T) {
	for _, value := range []string{"user@example.com", "Пётр \"\\;%00 ‮ 💫", strings.Repeat("й", 512), "--" + testBoundary[:9], ""} {
		edit := testEdit(testBoundary, nil)
		edit.Stale = forced
		edit.Fresh = func() ([]Field, error) { return []Field{{"metadata[user]", value}}, nil }
		edit.FreshLength = EncodedLength(testBoundary, "metadata[user]", len(value))
		in := body(field("metadata[user]", "forged"), file("file", "a", "b"))
		want := body(field(strings.Repeat("x", len("metadata[user]")), "xxxxxx"), file("file", "a", "b"), field("metadata[user]", value))
		got, err := readEdited(strings.NewReader(in), edit)
		if err != nil || got != want || len(got) != len(in)+edit.FreshLength {
			t.Errorf("%q: error %v\ngot  %q\nwant %q", value, err, got, want)
		}
	}
}

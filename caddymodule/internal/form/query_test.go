// SPDX-License-Identifier: Apache-2.0

package form

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestStripQuery(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"empty":                    {"", ""},
		"nothing to take out":      {"jsonerrors=1&b=%20+&&c", "jsonerrors=1&b=%20+&&c"},
		"the only one":             {"signature=abc", ""},
		"first, between and last":  {"signature=1&a=1&expire=2&b=2&UPLOADCARE_EXPIRE=3", "a=1&b=2"},
		"twice":                    {"expire=1&expire=2&a=1", "a=1"},
		"empty and bare":           {"signature=&expire&a=1", "a=1"},
		"odd case":                 {"Signature=1&a=1", "a=1"},
		"escaped":                  {"%73ignature=1&a=1", "a=1"},
		"broken escapes besides":   {"%73ignature%00%zz=1&sig%6eature%5b%zz%5d=2&%=3&a=1", "%=3&a=1"},
		"cut at a NUL":             {"signature%00x=1&a=1", "a=1"},
		"dots and blanks":          {"UPLOADCARE.SIGNATURE=1&UPLOADCARE+EXPIRE=2&UPLOADCARE%5BSIGNATURE=3&a=1", "a=1"},
		"an array":                 {"signature[]=1&expire%5Ba%5D=2&a=1", "a=1"},
		"within a value":           {"source_url=http%3A%2F%2Fa%2F%3Fsignature%3D1%26expire%3D2", "source_url=http%3A%2F%2Fa%2F%3Fsignature%3D1%26expire%3D2"},
		"within a value, unquoted": {"source_url=http://a/?signature=1", "source_url=http://a/?signature=1"},
		"%u0073":                   {"a=1&%u0073ignature=2&%U0065xpire=3", "a=1"},
		"before a semicolon":       {"signature;x=1&a=1&expire=2;b=3", "a=1"},
		"a sign that is no escape": {"s%ignature=1&a=1&e%xpire=2", "a=1"},
		"escapes cut short":        {"signature%6=1&expire%=2&a=1", "a=1"},
		"escapes of one digit":     {"signature%9=1&%+Aexpire=2&a=1", "a=1"},
		"a question mark":          {"?signature=1&??expire=2&a=1", "a=1"},
		"quoted":                   {"%22signature%22=1&'expire'=2&a=1", "a=1"},
		"foreign blanks":           {"%C2%A0signature=1&expire%E2%80%83=2&a=1", "a=1"},
		"in seven bits":            {"\xf3ignature=1&ex\xf0ire=2&signature\xbd3&\xbfexpire=4&\xa573ignature=5&a=1", "a=1"},
		"beyond ASCII":             {"\xf4ignature=1&caf\xc3\xa9=2", "\xf4ignature=1&caf\xc3\xa9=2"},
		"names that resemble":      {"signature2=1&metadata[signature]=2&%zz=3", "signature2=1&metadata[signature]=2&%zz=3"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := StripQuery(test.in, testStale); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestHidesParameter(t *testing.T) {
	for query, want := range map[string]bool{
		"a=1;%u0073ignature=2": true, "a;%73ignature": true, "signature;x": false,
		"": false, "a=1;b=2": false, "signature=1": false, "a=1;signature=2": true, "a;b;Expire": true, "a=%3Bsignature=1": false,
		"source_url=http://a/;b=signature": false,
		"a=b\xa6signature=1":               true, "\ufeffsignature=1": false, "signature=1\xa6expire=2": false, "a=\xc3\xa6expire=1": true, "a=b\xbb\xf3ignature\xbd1": true, "a=b\xa6c=signature&d=\xc3\xa9;e": false,
	} {
		if got := HidesParameter(query, testStale); got != want {
			t.Errorf("%q: got %v", query, got)
		}
	}
}

func TestWatchQuery(t *testing.T) {
	many := strings.Repeat("a=1&", 12_000)
	tests := map[string]struct {
		query string
		want  []string
	}{
		"nothing":                    {"", nil},
		"other names":                {"a=1&pub_key2=x&xpub_key=y", nil},
		"plain":                      {"a=1&pub_key=k", []string{"k"}},
		"both names":                 {"pub_key=k&UPLOADCARE_PUB_KEY=l", []string{"k", "l"}},
		"twice":                      {"pub_key=k&pub_key=l", []string{"k", "l"}},
		"escaped":                    {"pub%5Fkey=%6b", []string{"k"}},
		"escaped as ASP has it":      {"%u0070ub_key=%u006b", []string{"%u006b", "k", "u006b"}},
		"so, beyond ASCII":           {"pub_key=%U00e9", []string{"%U00e9", "é", "U00e9"}},
		"so, and cut short":          {"pub_key=k%u006", []string{"k%u006", "ku006"}},
		"a slash for some":           {"pub_key=k%u002f@l", []string{"k%u002f@l", "k/@l", "ku002f@l"}},
		"a slash for all but qs":     {"pub_key=k%2f@l/%zz+x", []string{"k/@l/%zz x", "k/@l/zz x", "k%2f@l/%zz x"}},
		"brackets for all":           {"pub_key=%5bk%2f%5D%zz", []string{"[k/]%zz", "[k/]zz", "[k%2f]%zz", "%5bk%2f%5D%zz"}},
		"UTF-8":                      {"pub_key=%2f%C3%a9é", []string{"/éé", "/éC)"}},
		"no UTF-8":                   {"pub_key=%2f%E9", []string{"/\xe9", "%2f%E9"}},
		"UTF-8, escaped in part":     {"pub_key=%2f\xc3%a9", []string{"/é", "%2f\xc3%a9", "/C\xa9", "%2fC%a9"}},
		"in seven bits":              {"\xf0ub_key=\xeb\xa6a&a=b\xa6pub_key\xbd\xa56b&pub_key=l\xbbx", []string{"\xeb\xa6a", "k", "l\xbbx", "l;x", "l", "k"}},
		"a letter that is no UTF-8":  {"pub_key=%2f\xe9", []string{"/\xe9", "/i"}},
		"an escape cut short":        {"pub_key=%6b%6&pub_key%6=l", []string{"k%6", "k\x06", "k", "%6b%6", "l"}},
		"an escape of one digit":     {"pub_key=k%+9l&pub_key%9=l", []string{"k% 9l", "k\tl", "l"}},
		"a bad escape":               {"pub_key=k%zz&pub%_key=x", []string{"k%zz", "kzz", "x"}},
		"a bad escape and good ones": {"pub_key=%25k%&pub_key=%%6b", []string{"%k%", "%k", "%25k%", "%k", "k", "%%6b"}},
		"one before a semicolon":     {"pub_key=k%;x", []string{"k%;x", "k;x", "k%", "k"}},
		"a blank":                    {"UPLOADCARE_PUB_KEY+=k&pub_key%09=+l+", []string{"k", " l "}},
		"a dot":                      {"pub.key=k", []string{"k"}},
		"capitals":                   {"PUB_KEY=k", []string{"k"}},
		"an array":                   {"pub_key[]=k&pub_key%5B1%5D=l", []string{"k", "l"}},
		"behind a semicolon":         {"a=1;pub_key=k&pub_key=l;x", []string{"l;x", "l", "k"}},
		"before a semicolon":         {"pub_key;a=1", []string{"1"}},
		"behind many others":         {many + "pub_key=k", []string{"k"}},
		"bare":                       {"pub_key", []string{""}},
		"behind a second equals":     {"pub_key=k=l", []string{"k=l"}},
	}
	names := NewNames("UPLOADCARE_PUB_KEY", "pub_key")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			if err := WatchQuery(test.query, names, func(_, value string) error { got = append(got, value); return nil }); err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %q, %v; want %q", got, err, test.want)
			}
			if broken := errors.New("broken"); len(test.want) > 0 && !errors.Is(WatchQuery(test.query, names, func(string, string) error { return broken }), broken) {
				t.Error("the error is lost")
			}
		})
	}
}

// SPDX-License-Identifier: Apache-2.0

package form

import "testing"

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
		"": false, "a=1;b=2": false, "signature=1": false, "a=1;signature=2": true, "a;b;Expire": true, "a=%3Bsignature=1": false,
		"source_url=http://a/;b=signature": false,
	} {
		if got := HidesParameter(query, testStale); got != want {
			t.Errorf("%q: got %v", query, got)
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package form

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var anyEscape = regexp.MustCompile(`%(?:[uU]([0-9a-fA-F]{4})|([0-9a-fA-F]{2}))`)

// leniently decodes a parameter's name as lenient servers do.
func leniently(name string) string {
	return anyEscape.ReplaceAllStringFunc(strings.ReplaceAll(name, "+", " "), func(escape string) string {
		value, err := strconv.ParseUint(strings.TrimLeft(escape, "%uU"), 16, 16)
		if err != nil || value > 0x7f {
			return "\xff"
		}
		return string(rune(value))
	})
}

// withoutShort takes out escapes of one digit, which CherryPy knows: control characters.
func withoutShort(name string) string {
	for {
		shorter := shortEscape.ReplaceAllString(name, "$1")
		if shorter == name {
			return name
		}
		name = shorter
	}
}

var shortEscape = regexp.MustCompile(`%(?:[\s+]?[0-9a-fA-F]|[0-9a-fA-F][\s+])(%|$)|%(?:[\s+][0-9a-fA-F]|[0-9a-fA-F][\s+])`)

// readName returns the names that servers find in a parameter: as it is, in lower case,
// and what PHP makes of it.
func readName(parameter string) []string {
	raw, _, _ := strings.Cut(parameter, "=")
	names := []string{leniently(raw)}
	if strict, err := url.QueryUnescape(raw); err == nil {
		names = append(names, strict)
	}
	for _, name := range names {
		name = strings.ToLower(name)
		cut, _, _ := strings.Cut(name, "\x00")
		array, _, _ := strings.Cut(strings.TrimLeft(cut, " "), "[")
		names = append(names, name, cut, array, strings.NewReplacer(" ", "_", ".", "_").Replace(array))
	}
	return names
}

var staleNames = []string{"signature", "expire", "uploadcare_signature", "uploadcare_expire"}

// mentionsStale reports whether the letters of a stale name stand in a parameter's name.
func mentionsStale(parameter string) bool {
	raw, _, _ := strings.Cut(parameter, "=")
	for _, name := range []string{raw, leniently(raw), leniently(withoutShort(raw))} {
		letters := strings.Map(func(r rune) rune {
			if strings.ContainsRune("abcdefghijklmnopqrstuvwxyz", r) {
				return r
			}
			return -1
		}, strings.ToLower(name))
		if strings.Contains(letters, "signature") || strings.Contains(letters, "expire") {
			return true
		}
	}
	return false
}

// FuzzQuery: of a query string or urlencoded body, nothing is left that some server takes
// for a stale field, or it is refused; all other parameters stay, byte for byte and in
// order; a server that strictly decodes it finds one fresh field; and every public key that
// such a server finds has been shown.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"", "pub_key=k&signature=1&a=%20+&&c", "%73ignature=1&a=1;b=2", "a;expire=2", "UPLOADCARE.SIGNATURE=1&UPLOADCARE+EXPIRE[]=2",
		"?Signature%00x=1", "%u0073ignature&s%ignature", "pub%5Fkey=%6b%zz&pub_key[0]=+", "source_url=http%3A%2F%2Fa%2F%3Fsignature%3D1",
		"pub_key=a%u002f@%2f%zz&signature%6=1", "pub_key=%2f%ff;+%9", "si%b%gnature=1&e%+cxpire=2&%e%expire=3",
	} {
		f.Add(seed)
	}
	watched := NewNames("UPLOADCARE_PUB_KEY", "pub_key")
	f.Fuzz(func(t *testing.T, query string) {
		stripped := StripQuery(query, testStale)
		checkKept(t, query, stripped)
		if again := StripQuery(stripped, testStale); again != stripped {
			t.Fatalf("%q becomes %q, and then %q", query, stripped, again)
		}
		if !HidesParameter(query, testStale) { // otherwise it is refused
			for _, parameter := range strings.FieldsFunc(stripped+"&"+asASCII(stripped), func(r rune) bool { return r == '&' || r == ';' }) {
				if i := slices.IndexFunc(readName(parameter), func(name string) bool { return slices.Contains(staleNames, name) }); i >= 0 {
					t.Fatalf("%q becomes %q, in which a server reads %q", query, stripped, readName(parameter)[i])
				}
			}
		}
		fresh := Field{Name: "signature", Value: "fresh &=+%;#"}
		if values, err := url.ParseQuery(stripped + "&" + EscapeParam(fresh)); err == nil && !slices.Equal(values["signature"], []string{fresh.Value}) {
			t.Fatalf("%q leaves with %q", query, values["signature"])
		}
		var shown []string
		_ = WatchQuery(query, watched, func(_, value string) error {
			shown = append(shown, value)
			return nil
		})
		values, _ := url.ParseQuery(query)
		for _, value := range append(values["pub_key"], values["UPLOADCARE_PUB_KEY"]...) {
			if !slices.Contains(shown, value) {
				t.Fatalf("%q has the public key %q, shown were %q", query, value, shown)
			}
		}
	})
}

// asASCII returns text as formidable reads it, without the first bit of each byte.
func asASCII(text string) string {
	var read strings.Builder
	for i := range len(text) {
		read.WriteByte(text[i] & 0x7f)
	}
	return read.String()
}

// checkKept checks that only parameters with a stale name in them have been removed.
func checkKept(t *testing.T, query, stripped string) {
	t.Helper()
	rest := strings.Split(stripped, "&")
	for parameter := range strings.SplitSeq(query, "&") {
		switch {
		case len(rest) > 0 && rest[0] == parameter:
			rest = rest[1:]
		case !mentionsStale(parameter) && !mentionsStale(asASCII(parameter)):
			t.Fatalf("%q becomes %q: %q is missing", query, stripped, parameter)
		}
	}
	if len(rest) > 0 && stripped != "" {
		t.Fatalf("%q becomes %q: %q is new", query, stripped, rest)
	}
}

// SPDX-License-Identifier: Apache-2.0

package form

import (
	"errors"
	"strings"
	"testing"
)

func TestBoundary(t *testing.T) {
	longest := strings.Repeat("b", MaxBoundaryLength)
	tests := map[string]struct {
		contentType string
		want        string
		err         error
	}{
		"curl":              {"multipart/form-data; boundary=------------------------d74496d66958873e", "------------------------d74496d66958873e", nil},
		"a browser":         {"multipart/form-data; boundary=----WebKitFormBoundaryAbC123", "----WebKitFormBoundaryAbC123", nil},
		"dotnet, quoted":    {`multipart/form-data; boundary="8dc0ffee"`, "8dc0ffee", nil},
		"dart":              {"multipart/form-data; boundary=dart-http-boundary-a+b_c-d.e", "dart-http-boundary-a+b_c-d.e", nil},
		"java":              {`multipart/form-data; boundary="----=_Part_1"`, "----=_Part_1", nil},
		"unquoted =":        {"multipart/form-data; boundary=----=_Part_1", "", ErrInvalidBoundary},
		"unquoted slash":    {"multipart/form-data; boundary=a/b", "", ErrInvalidBoundary},
		"another within":    {`multipart/form-data; boundary="boundary:x=AAA"`, "", ErrInvalidBoundary},
		"an old charset":    {"multipart/form-data; charset=Shift_JIS; boundary=b", "b", nil},
		"an empty charset":  {"multipart/form-data; charset=; boundary=b", "b", nil},
		"quoted blank":      {`multipart/form-data; boundary="a b"`, "a b", nil},
		"odd case":          {"Multipart/Form-Data; Boundary=aB", "aB", nil},
		"charset before":    {"multipart/form-data; charset=utf-8; boundary=b", "b", nil},
		"charset after":     {"multipart/form-data;boundary=b;charset=\"utf-8\"", "b", nil},
		"blanks":            {"multipart/form-data ;  boundary=b ; charset=us-ascii", "b", nil},
		"empty parameters":  {"multipart/form-data;; boundary=b;", "b", nil},
		"the longest":       {"multipart/form-data; boundary=" + longest, longest, nil},
		"too long":          {"multipart/form-data; boundary=" + longest + "b", "", ErrInvalidBoundary},
		"empty":             {"multipart/form-data; boundary=", "", ErrInvalidBoundary},
		"empty, quoted":     {`multipart/form-data; boundary=""`, "", ErrInvalidBoundary},
		"missing":           {"multipart/form-data", "", ErrNoBoundary},
		"another parameter": {"multipart/form-data; boundaries=b", "", ErrInvalidBoundary},
		"ends with a blank": {`multipart/form-data; boundary="b "`, "", ErrInvalidBoundary},
		"forbidden letter":  {"multipart/form-data; boundary=b#", "", ErrInvalidBoundary},
		"not ASCII":         {"multipart/form-data; boundary=ü", "", ErrInvalidBoundary},
		"two":               {"multipart/form-data; boundary=a; boundary=b", "", ErrInvalidBoundary},
		"the same twice":    {"multipart/form-data; boundary=a; boundary=a", "", ErrInvalidBoundary},
		"two in odd case":   {"multipart/form-data; boundary=a; BOUNDARY=b", "", ErrInvalidBoundary},
		"extended":          {"multipart/form-data; boundary*=utf-8''b", "", ErrInvalidBoundary},
		"continued":         {"multipart/form-data; boundary*0=a; boundary*1=b", "", ErrInvalidBoundary},
		"extended beside":   {"multipart/form-data; boundary=a; boundary*=b", "", ErrInvalidBoundary},
		"a comma":           {"multipart/form-data; boundary=a,b", "", ErrInvalidBoundary},
		"a blank inside":    {"multipart/form-data; boundary=a b", "", ErrInvalidBoundary},
		"a quote inside":    {`multipart/form-data; boundary=a"b`, "", ErrInvalidBoundary},
		"single quotes":     {"multipart/form-data; boundary='a'", "", ErrInvalidBoundary},
		"unfinished quote":  {`multipart/form-data; boundary="a`, "", ErrInvalidBoundary},
		"escaped quote":     {`multipart/form-data; boundary="a\"b"`, "", ErrInvalidBoundary},
		"after the quote":   {`multipart/form-data; boundary="a"b`, "", ErrInvalidBoundary},
		"blank before =":    {"multipart/form-data; boundary =a", "", ErrInvalidBoundary},
		"no =":              {"multipart/form-data; boundary", "", ErrInvalidBoundary},
		"hidden in a quote": {`multipart/form-data; x="; boundary=a"; boundary=b`, "", ErrInvalidBoundary},
		"a resembling name": {"multipart/form-data; xboundary=a; boundary=b", "", ErrInvalidBoundary},
		"one within it":     {`multipart/form-data; boundary="xboundary=a"`, "", ErrInvalidBoundary},
		"a quoted comma":    {`multipart/form-data; boundary="a,b"`, "", ErrInvalidBoundary},
		"an odd charset":    {"multipart/form-data; charset=utf-7; boundary=b", "", ErrInvalidBoundary},
		"urlencoded":        {"application/x-www-form-urlencoded", "", ErrNotMultipart},
		"mixed":             {"multipart/mixed; boundary=b", "", ErrNotMultipart},
		"nothing":           {"", "", ErrNotMultipart},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Boundary([]string{test.contentType})
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %q, %v; want %q, %v", got, err, test.want, test.err)
			}
		})
	}
	if _, err := Boundary(nil); !errors.Is(err, ErrNotMultipart) {
		t.Errorf("no header: %v", err)
	}
	if _, err := Boundary([]string{"multipart/form-data; boundary=a", "multipart/form-data; boundary=b"}); !errors.Is(err, ErrInvalidBoundary) {
		t.Errorf("two headers: %v", err)
	}
}

func TestHasPlainCharset(t *testing.T) {
	for contentType, want := range map[string]bool{
		"": true, "application/json": true, "application/x-www-form-urlencoded; charset=UTF-8": true, `text/plain; charset="utf-8"`: true,
		"application/json; charset=utf-7": false, "a/b; charset = utf-16": false, "a/b; charset=utf-8; charset=utf-7": false,
		"a/b; charset*=utf-8''utf-7": false, "a/b; charset": false,
	} {
		if got := HasPlainCharset([]string{contentType}); got != want {
			t.Errorf("%q: got %v", contentType, got)
		}
	}
}

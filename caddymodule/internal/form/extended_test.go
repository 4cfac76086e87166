// SPDX-License-Identifier: Apache-2.0

package form

import (
	"errors"
	"strings"
	"testing"
)

// Invariant 2: what a name in pieces or in another charset is to a server is not guessed.
func TestInvariant2ExtendedNamesAreDoubtful(t *testing.T) {
	blanks, letters := strings.Repeat(" ", 2*maxPrefixSize), strings.Repeat("l", 2*maxPrefixSize)
	for name, value := range map[string]string{
		"EBCDIC":                          `name="x"; name*=cp037''%A2%89%87%95%81%A3%A4%99%85`,
		"EBCDIC alone":                    `name*=cp037''%A2%89%87%95%81%A3%A4%99%85`,
		"EBCDIC in pieces":                `name="x"; name*0*=cp037''%A2%89%87%95; name*1*=%81%A3%A4%99%85`,
		"EBCDIC behind UTF-8":             `name="x"; name*=utf-8''a; name*=cp037''%A2`,
		"UTF-7":                           `name="x"; name*=utf-7''%2BAHMAaQBnAG4AYQB0AHUAcgBl-`,
		"UTF-16":                          `name="x"; name*=utf-16-be''%00s%00i%00g%00n%00a%00t%00u%00r%00e`,
		"Python's escapes":                `name="x"; name*=unicode_escape''%5Cx73ignature`,
		"a cipher":                        `name="x"; name*=rot13''fvtangher`,
		"quotes":                          `name="x"; name*="cp037''%A2"`,
		"blanks around the asterisk":      `name="x"; name * = cp037''%A2`,
		"a charset with many hyphens":     `name="x"; name*=utf` + strings.Repeat("-", 2*maxCharsetSize) + `7''a`,
		"pieces":                          `name="x"; name*0=a; name*1=b`,
		"pieces of one number":            `name="x"; name*0=ture; name*0=signa`,
		"many pieces":                     `name="x"; ` + strings.Repeat(`name*0="";`, 300) + `name*1=sig; name*2=nature`,
		"blanks behind the key":           `name="x"; name` + blanks + `="signature"`,
		"blanks before the value":         `name="x"; name=` + blanks + `"signature"`,
		"blanks in the value":             `name="x"; name="` + blanks + `signature"`,
		"blanks on all sides":             `name="x";` + blanks + `name` + blanks + `=` + blanks + `"signature"`,
		"a long language":                 `name="x"; name*=utf-8'` + letters + `'signature`,
		"a longer one":                    `name="x"; name*=utf-8'` + strings.Repeat("l", 2*maxCharsetSize) + `'signature`,
		"a language as long as the limit": `name="x"; name*=utf-8'` + strings.Repeat("l", maxCharsetSize-12) + `'signature`,
		"a long language, encoded behind": `name="x"; name*=utf-8'` + letters + `'sig%6eature`,
	} {
		t.Run(name, func(t *testing.T) {
			in := disposition("form-data; " + value)
			if got, err := readEdited(strings.NewReader(in), testEdit(testBoundary, nil)); !errors.Is(err, errDoubtful) {
				t.Errorf("error %v\ngot %q", err, got)
			}
		})
	}
}

// The same behind a delimiter that is one to some servers alone.
func TestInvariant2ExtendedNamesBehindADoubtfulDelimiter(t *testing.T) {
	for _, value := range []string{`name*=cp037''%A2`, "name*0=ture; name*0=signa"} {
		in := body(field("x", "a\n--"+testBoundary+"\nContent-Disposition: form-data; "+value+"\n\nb"))
		if got, err := readEdited(strings.NewReader(in), testEdit(testBoundary, nil)); !errors.Is(err, ErrAmbiguousDelimiter) {
			t.Errorf("%s: error %v\ngot %q", value, err, got)
		}
	}
}

// A file's name may be in any charset, and is not always encoded.
func TestExtendedFileNamesAreTaken(t *testing.T) {
	for _, value := range []string{"windows-1251''a b.txt", "GBK''\xce\xc4.txt", `"Shift_JIS''a b"`} {
		part := "Content-Disposition: form-data; name=\"file\"; filename*=" + value + "\r\n\r\n1"
		if got, err := readEdited(strings.NewReader(body(part)), testEdit(testBoundary, nil)); err != nil || got != signed(part) {
			t.Errorf("%q: error %v\ngot %q", value, err, got)
		}
	}
}

// Mails, whose parts have such names of files, are files like any other.
func TestExtendedNamesOfPartsOfMailsAreTaken(t *testing.T) {
	mail := "Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: application/pdf;\r\n name*0*=iso-2022-jp''%1B; name*1*=a\r\n" +
		"Content-Disposition: attachment;\r\n filename*0*=iso-2022-jp''%1B; filename*1*=a\r\n\r\n1\r\n--m--\r\n"
	part := "Content-Disposition: form-data; name=\"file\"; filename=\"a.eml\"\r\nContent-Type: message/rfc822\r\n\r\n" + mail
	if got, err := readEdited(strings.NewReader(body(part)), testEdit(testBoundary, nil)); err != nil || got != signed(part) {
		t.Errorf("error %v\ngot %q", err, got)
	}
}

// Invariant 11: a field names the charset of the others, and so their values.
func TestInvariant11TheCharsetOfFieldsHidesNoASCII(t *testing.T) {
	for value, want := range map[string]error{
		"utf-8": nil, "UTF-8": nil, "windows-1252": nil, "": nil, "Shift_JIS": nil,
		"unicode_escape": ErrCharset, "cp037": ErrCharset, "utf-7": ErrCharset, "UTF-16LE": ErrCharset,
		strings.Repeat("-", 300) + "utf" + strings.Repeat("-", 300) + "7": ErrCharset, strings.Repeat("utf-7 ", 300): nil,
	} {
		for _, name := range []string{"_charset_", "_CHARSET_"} {
			in := body(field(name, value), field("size", `\N{DIGIT NINE}`))
			if got, err := readEdited(strings.NewReader(in), testEdit(testBoundary, nil)); !errors.Is(err, want) {
				t.Errorf("%q: error %v\ngot %q", value, err, got)
			}
		}
	}
}

// aiohttp takes the charset of a file of that name, too.
func TestInvariant11AFileWithTheCharsetOfFieldsIsDoubtful(t *testing.T) {
	in := body(file("_charset_", "a.txt", "utf-16"), field("size", "1"))
	if got, err := readEdited(strings.NewReader(in), testEdit(testBoundary, nil)); !errors.Is(err, errDoubtful) {
		t.Errorf("error %v\ngot %q", err, got)
	}
}

// A charset other than UTF-8 is reported, and the error ends the form.
func TestEditorReportsTheCharsetOfFields(t *testing.T) {
	broken := errors.New("broken")
	const withBlanks = " UTF8\r\n"
	for value, want := range map[string]error{
		"utf-8": nil, withBlanks: nil, "": nil, "latin-1": broken, "us-ascii": broken, "utf-8-sig": broken, "gbk": broken, "utf-7": ErrCharset,
	} {
		for _, place := range []string{body(field("_charset_", value), field("a", "1")), body(field("a", "1"), field("_Charset_", value))} {
			edit := testEdit(testBoundary, nil)
			edit.Foreign = func() error { return broken }
			if got, err := readEdited(strings.NewReader(place), edit); !errors.Is(err, want) {
				t.Errorf("%q: error %v\ngot %q", value, err, got)
			}
		}
	}
}

// So is that of a query or urlencoded body.
func TestParametersWithTheCharsetOfFields(t *testing.T) {
	for params, want := range map[string]bool{
		"": false, "a=1": false, "_charset_=utf-8": false, "_charset_=%20UTF8": false, "_charset_": false, "a=_charset_": false,
		"_charset_=latin-1": true, "a=1&%5fcharset_=gbk": true, "_charset_=utf-8&_CHARSET_=gbk": true, "a=1;_charset_=us-ascii": true, "_charset_=utf-8;gbk": true,
	} {
		if got := HasForeignCharset(params); got != want {
			t.Errorf("%q: got %v", params, got)
		}
	}
}

// Invariant 11: a charset that hides ASCII makes a file's name doubtful, however long the language behind it.
func TestInvariant11AFileNameInEBCDICIsDoubtful(t *testing.T) {
	header := "Content-Disposition: form-data; name=\"file\"; filename*=cp037'" + strings.Repeat("l", 2*maxPrefixSize) + "'%81%4B%85%A7%85\r\nContent-Type: image/png"
	if p := readPart(header); !p.Doubtful {
		t.Errorf("%+v", p)
	}
}

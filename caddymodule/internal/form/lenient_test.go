// SPDX-License-Identifier: Apache-2.0

package form

import (
	"strings"
	"testing"
)

// take checks that an editor accepts forms, however they are sliced, and leaves them
// unchanged.
func take(t *testing.T, tests map[string]string) {
	t.Helper()
	for name, in := range tests {
		t.Run(name, func(t *testing.T) {
			fresh := ""
			for _, f := range testFields {
				fresh += dash + "\r\n" + field(f.Name, f.Value) + "\r\n"
			}
			at := strings.Index(in, "\r\n"+dash+"--") + len("\r\n")
			want := in[:at] + fresh + in[at:]
			for slicing, source := range slicings(in) {
				got, err := readEdited(source, testEdit(testBoundary, nil))
				if err != nil || got != want {
					t.Fatalf("%s: error %v\ngot  %q\nwant %q", slicing, err, got, want)
				}
			}
		})
	}
}

// Invariant 7: a form that can be signed is never refused.
func TestInvariant7EditorTakesFileNamesAsTheyCome(t *testing.T) {
	tests := make(map[string]string)
	for name, filename := range map[string]string{
		"a vertical tab":              "quarterly\x0breport.pdf",
		"all but CR, LF and NUL":      "\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f",
		"NUL":                         "a\x00.txt",
		"a bare LF":                   "a\nb.txt",
		"a bare CR":                   "a\rb.txt",
		"a line end":                  "a\r\nb.txt",
		"ISO-2022-JP":                 "\x1b$B%F%9%H\x1b(B.txt",
		"Shift_JIS that ends in 0x5c": "\x95\\",
		"a last backslash":            `C:\dir\`,
		"two of them":                 `C:\dir\\`,
		"an escaped quote":            `b'e\";e.JPG`,
		"a raw quote":                 `a"b.jpg`,
		"raw quotes and a semicolon":  `a"; b".jpg`,
		"parameters":                  "; filename=x; name=y.txt",
		"a name":                      "name=signature.png",
		"a credential as a name":      "my name=signature",
		"a name behind a semicolon":   "x; name=signature.png",
		"a credential in quotes":      `my "signature".pdf`,
		"a credential, escaped":       `my \"signature\".pdf`,
		"a credential's name":         "signature",
		"a public key's":              "UPLOADCARE_PUB_KEY",
		"the boundary":                "a" + dash + ".txt",
		"percent signs":               "100%.txt",
		"an encoded word":             "=?utf-8?q?signature?=.txt",
		"only a quote":                `"`,
	} {
		tests[name] = body(file("file", filename, "abc"), field("UPLOADCARE_PUB_KEY", "k"))
	}
	take(t, tests)
}

func TestEditorTakesOddParts(t *testing.T) {
	part := func(header string) string {
		return body(header+"\r\n\r\nabc", field("UPLOADCARE_PUB_KEY", "k"), file("file", "a", "%PDF /Signature name=signature"))
	}
	const normal = `Content-Disposition: form-data; name="file"; filename="a.pdf"`
	take(t, map[string]string{
		"filename twice":                   part(`Content-Disposition: form-data; name="file"; filename="a.pdf"; filename="b.pdf"`),
		"filename twice, once empty":       part(`Content-Disposition: form-data; name="file"; filename=""; filename="b.pdf"`),
		"both kinds of file names":         part(normal + `; filename*="utf-8''a.pdf"`),
		"a file name in pieces":            part(`Content-Disposition: form-data; name="file"; filename*0="signature"; filename*1=".pdf"; filename=x`),
		"two equal dispositions":           part(normal + "\r\n" + normal),
		"two equal ones, of a credential":  part(strings.ReplaceAll(normal+"\r\n"+normal, "a.pdf", "signature.pdf")),
		"two different ones":               part(normal + "\r\n" + `Content-Disposition: form-data; name="other"`),
		"33 lines":                         part(normal + strings.Repeat("\r\nX-A: b", 32)),
		"9 KiB":                            part(normal + "\r\nX-A: " + strings.Repeat("b", 9<<10)),
		"9 KiB of a file name":             part(`Content-Disposition: form-data; name="file"; filename="` + strings.Repeat("b", 9<<10) + `"`),
		"a folded line":                    part("Content-Disposition: form-data; name=\"file\";\r\n filename=\"signature.pdf\""),
		"a folded line of its own":         part(normal + "\r\nX-A: b\r\n\tc"),
		"a folded type with a name":        part(normal + "\r\nContent-Type: image/png;\r\n name=\"signature.png\""),
		"a folded type":                    part(normal + "\r\nContent-Type: image/png;\r\n charset=x"),
		"a transfer encoding":              part(normal + "\r\nContent-Transfer-Encoding: base64"),
		"odd, and another file name":       part(`Content-Disposition: form-data; name="file"; filename="my \"signature\".png"; filename*=UTF-8''signature.png`),
		"odd, and a file name in pieces":   part("Content-Disposition: form-data; name=\"file\"; filename=\"\x83\\\"; filename*0=\"signature\"; filename*1=.png"),
		"unquoted, with the word name":     part("Content-Disposition: form-data; name=file; filename=file name signature.png"),
		"unquoted, with more signs":        part("Content-Disposition: form-data; name=file; filename=name=signature.png"),
		"raw quotes, with the word name":   part(`Content-Disposition: form-data; name="file"; filename="my "name" signature.pdf"`),
		"a Content-ID":                     body("Content-Disposition: form-data; name=\"file\"; filename=\"a\"\r\nContent-ID: <signature>\r\n\r\nabc", "Content-Disposition: form-data; name = \"b\"\r\nContent-ID: <signature@a>\r\n\r\nabc"),
		"a Content-ID with a blank, first": part("Content-ID : <signature>\r\n" + normal),
		"a user's name in another one":     part(`Content-Disposition: form-data; name="file"; filename*="utf-8''a;username=signature"`),
		"no blanks, and the word name":     part(`Content-Disposition: form-data;name="file";filename="my name=signature.png"`),
		"no quotes, and the word name":     part(`Content-Disposition: form-data; name=file; filename="my "name" = signature.png"`),
		"one with an underscore":           part(`Content-Disposition: form-data;name="file";filename="_name=signature"`),
		"a user's name in a file name":     part(`Content-Disposition: form-data; name="file"; filename="a;username=signature"`),
		"no header, many lines":            body("\r\n"+strings.Repeat("abc\r\n", 9000), field("a", "b")),
		"no header, long text":             body("\r\n" + strings.Repeat("abc\r\n", 2000) + "\r\n" + field("signature", "b")),
		"no header, but one that ends":     body("\r\nabc\r\n\r\n"+field("a", strings.Repeat("b", 9000)), field("a", "b")),
		"no name, no file name":            part("Content-Disposition: form-data"),
		"no disposition":                   part("Content-Type: text/plain"),
		"an empty name":                    part(`Content-Disposition: form-data; name=""`),
		"a line without a colon":           part(normal + "\r\nhello"),
		"an empty line name":               part(normal + "\r\n: hello"),
		"a blank before a colon":           part(`Content-Disposition : form-data; name="file"; filename="signature.pdf"`),
		"blanks around the equals sign":    part(`Content-Disposition: form-data; name = "file"; filename = "signature.pdf"`),
		"unquoted, with blanks":            part("Content-Disposition: form-data; name=file; filename=my signature.pdf"),
		"single quotes":                    part("Content-Disposition: form-data; name='file'; filename='signature.pdf'"),
		"a key that is none":               part(normal + "; nam e=x"),
		"a key of its own":                 part(`Content-Disposition: form-data; size=12; name="file"; filename="signature.pdf"; creation-date="Wed, 12 Feb 1997"`),
		"an extended name":                 part("Content-Disposition: form-data; name=file; name*=utf-8''file"),
		"two names":                        part("Content-Disposition: form-data; name=a; name=b"),
		"capitals":                         part(`CONTENT-DISPOSITION: FORM-DATA; NAME="FILE"; FILENAME="SIGNATURE.PDF"`),
		"a type with a name":               part(normal + "\r\nContent-Type: image/png; name=\"signature.png\""),
		"a form without a form":            part(`Content-Disposition: form-data; name="b"` + "\r\nContent-Type: multipart/mixed; boundary=inner"),
		"no header":                        body("\r\nabc", field("UPLOADCARE_PUB_KEY", "k")),
		"no header, more than is read":     body("\r\n"+strings.Repeat("abc\r\n", 2000)+"name=signature", field("UPLOADCARE_PUB_KEY", "k")),
		"an empty part":                    body("\r\n", field("UPLOADCARE_PUB_KEY", "k")),
		"an encoding that is none":         body("Content-Transfer-Encoding: utf-8\r\n" + field("UPLOADCARE_PUB_KEY", "k")),
		"quoted-printable without escapes": body("Content-Transfer-Encoding: quoted-printable\r\n" + field("UPLOADCARE_PUB_KEY", "k")),
		"a credential, a file of no type":  body(`Content-Disposition: form-data; name="signature"; filename="c"` + "\r\nContent-Type: null\r\n\r\nabc"),
		"a credential, a file in UTF-8":    body(`Content-Disposition: form-data; name="signature"; filename="À!.png"` + "\r\nContent-Type: image/png\r\n\r\nabc"),
		"a credential, a file as browsers": body(`Content-Disposition: form-data; name="signature"; filename="C:\a.b/c.png"` + "\r\nContent-Type: image/png\r\n\r\nabc"),
	})
}

func TestEditorTakesFormsWithinAPart(t *testing.T) {
	take(t, map[string]string{
		"of files, as HTML 4 has it": body(field("UPLOADCARE_PUB_KEY", "k"), "Content-Disposition: form-data; name=\"files\"\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"+
			"--b\r\nContent-Disposition: file; filename=\"signature.txt\"\r\nContent-Type: text/plain\r\n\r\nname=signature\r\n--b--\r\n"),
		"a page, without its boundary": body(field("UPLOADCARE_PUB_KEY", "k"), "Content-Disposition: form-data; name=\"file\"; filename=\"page.mht\"\r\nContent-Type: multipart/related\r\n\r\n"+
			"--b\r\nContent-Disposition: form-data; name=\"signature\"\r\n\r\n1\r\n--b--\r\n"),
		"a page with pictures": body(field("UPLOADCARE_PUB_KEY", "k"), "Content-Disposition: form-data; name=\"file\"; filename=\"page.mht\"\r\nContent-Type: multipart/related; boundary=b\r\n\r\n"+
			"--b\r\nContent-Type: image/png\r\nContent-Location: https://example.com/a.png?name=1&Expires=1&Signature=abc\r\n\r\nAAAA\r\n--b--\r\n"),
		"a signed mail": body(field("UPLOADCARE_PUB_KEY", "k"), "Content-Disposition: form-data; name=\"file\"; filename=\"a.eml\"\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n"+
			"--b\r\nContent-Type: application/pgp-signature;\r\n name=\"signature.asc\"\r\nContent-Disposition: attachment;\r\n filename=\"signature.asc\"\r\n\r\nAAAA\r\n--b--\r\n"),
		"a mail": body(field("UPLOADCARE_PUB_KEY", "k"), "Content-Disposition: form-data; name=\"file\"; filename=\"mail.mht\"\r\nContent-Type: multipart/related; boundary=b\r\n\r\n"+
			strings.Repeat("--b\r\nContent-Type: text/html\r\n\r\n<input name=signature>\r\n", 500)+"--b--\r\n"),
	})
}

func TestEditorTakesTheBoundaryWithinContent(t *testing.T) {
	content := func(content string) string {
		return body(field("UPLOADCARE_PUB_KEY", "k"), file("file", "a", content), field("a", "b"))
	}
	take(t, map[string]string{
		"within a line":                    content("abc" + dash + "abc"),
		"at the beginning":                 content(dash + "\r\nabc"),
		"behind a bare LF":                 content("abc\n" + dash + "\r\nabc"),
		"behind a bare CR":                 content("abc\r" + dash + "--\r\nabc"),
		"with more behind it":              content("abc\r\n" + dash + "0\r\nabc"),
		"with blanks behind it":            content("abc\r\n" + dash + " \r\nabc"),
		"with one dash behind it":          content("abc\r\n" + dash + "-\r\nabc"),
		"with a bare LF behind it":         content("abc\r\n" + dash + "\nabc"),
		"a long line behind it":            content("abc\n" + dash + "\n" + strings.Repeat("x", 40<<10)),
		"a credential behind a long line":  content("abc\n" + dash + "\n" + strings.Repeat("x", 17<<10) + "\n\n" + field("signature", "x")),
		"a type within the line behind it": content("abc\r\n" + dash + "0 application/x-www-form-urlencoded, multipart/mixed; boundary=b\r\nabc"),
		"one behind a line and CRLF":       content("abc\n" + dash + "\n" + strings.Repeat("x", 17<<10) + "\r\n\r\n" + field("signature", "x")),
		"a part far behind a header":       content("abc\n" + dash + "\nX: y\n\n" + strings.Repeat("x", 17<<10) + "\n" + field("a", "b")),
		"over and over":                    content("x" + strings.Repeat(dash, 2000)),
		"a name of no interest behind it":  content("abc\n" + dash + "\r\n" + field("name", "signature") + "\r\n"),
		"the public key behind the file":   body(file("file", "a", "abc\r"+dash+"\r"), field("UPLOADCARE_PUB_KEY", "k")),
		"a credential far behind it":       content("abc\n" + dash + "\r\nX: y\r\n\r\n" + field("signature", "x")),
		"a delimiter twice":                strings.Replace(content("abc"), dash, dash+"\r\n"+dash, 1),
		"a delimiter twice, then the end":  strings.Replace(content("abc"), dash+"--", dash+"\r\n"+dash+"--", 1),
		"a bare LF before the first":       "\n" + content("abc"),
		"a preamble that ends so":          "hello\n" + content("abc"),
		"a preamble that holds it":         "see " + dash + "\r\n" + content("abc"),
		"a preamble of many lines":         strings.Repeat("This is a form.\r\n", 100) + content("abc"),
		"a second delimiter with one dash": content("\r\n-" + dash),
	})
}

func TestEditorTakesWhatFollowsTheClose(t *testing.T) {
	whole := strings.TrimSuffix(body(field("UPLOADCARE_PUB_KEY", "k"), file("file", "a", "b")), "\r\n")
	take(t, map[string]string{
		"nothing":           whole,
		"a line end":        whole + "\r\n",
		"half a line end":   whole + "\r",
		"a bare LF":         whole + "\n",
		"two line ends":     whole + "\r\n\r\n",
		"a NUL":             whole + "\r\n\x00",
		"a NUL at once":     whole + "\x00",
		"blanks":            whole + " \t\r\n",
		"text":              whole + "the end",
		"a second close":    whole + "\r\n" + dash + "--\r\n",
		"a third one":       whole + "\r\n" + dash + "--\r\n\r\n" + dash + "--\r\n",
		"as much as may be": whole + strings.Repeat("e", MaxEpilogueSize),
	})
}

// A form that lacks the dashes at its end gets them, within the promised length.
func TestEditorCompletesAForm(t *testing.T) {
	parts := []string{field("UPLOADCARE_PUB_KEY", "k"), file("file", "a", "b")}
	whole := strings.TrimSuffix(body(parts...), "--\r\n")
	completed := strings.TrimSuffix(signed(parts...), "\r\n")
	closed := whole + "--"
	tests := map[string]struct {
		in       string
		promised bool // also with a promised length
		inHeader bool // the credential is in the header
		want     string
	}{
		"a line end":                    {whole + "\r\n", true, false, completed},
		"a bare LF":                     {whole + "\n", false, false, completed},
		"a bare CR":                     {whole + "\r", false, false, completed},
		"nothing":                       {whole, false, false, completed},
		"a line end, nothing to put in": {whole + "\r\n", true, true, closed},
		"a bare LF, nothing to put in":  {whole + "\n", false, true, closed},
		"nothing, nothing to put in":    {whole, false, true, closed},
		"no part at all":                {dash + "\r\n", true, false, strings.TrimSuffix(signed(), "\r\n")},
		"a delimiter twice":             {dash + "\r\n" + dash + "\r\n", true, false, dash + "\r\n" + strings.TrimSuffix(signed(), "\r\n")},
		"a preamble that fills a read":  {strings.Repeat("hello\r\n", 100) + dash + "\r\n", true, false, strings.Repeat("hello\r\n", 100) + strings.TrimSuffix(signed(), "\r\n")},
		"a preamble":                    {"hello\r\n" + dash + "\r\n", true, false, "hello\r\n" + strings.TrimSuffix(signed(), "\r\n")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, chunked := range []bool{true, false} {
				edit := testEdit(testBoundary, nil)
				edit.Chunked = chunked
				if test.inHeader {
					edit.Fresh, edit.FreshLength = func() ([]Field, error) { return nil, nil }, 0
				}
				for slicing, source := range slicings(test.in) {
					got, err := readEdited(source, edit)
					switch {
					case !chunked && !test.promised:
						if err == nil {
							t.Errorf("%s: it does not fit, but was completed: %q", slicing, got)
						}
					case err != nil || got != test.want:
						t.Errorf("%s, chunked %v: error %v\ngot  %q\nwant %q", slicing, chunked, err, got, test.want)
					case !chunked && len(got) != len(test.in)+edit.FreshLength:
						t.Errorf("%s: not the promised length", slicing)
					}
				}
			}
		})
	}
}

// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import "strings"

// contentTypeForms: the Content-Type is read leniently and written anew.
func contentTypeForms() []named {
	var forms []named
	for _, boundary := range []string{
		"*****", "===ms===", "****", "a&b", "a$b", "a/b", "a:b", "a?b", "a=b", "a#b", "a|b", "a~b^c`d", "(ab)", "a+b", "a'b", "a_b", "a.b", "a@b", "[ab]", "{ab}", "<ab>", "a%b", "!ab",
		"----------------------------boundary", "boundary", "__boundary__", "a,b", "----=_Part_1_2.3", "a b",
		strings.Repeat("b", 70), strings.Repeat("b", 71), strings.Repeat("-", 52) + strings.Repeat("3", 28), strings.Repeat("b", 84), strings.Repeat("b", 200),
	} {
		quoted := `multipart/form-data; boundary="` + boundary + `"`
		forms = append(forms, named{"boundary quoted " + boundary, arrives, ordinary(boundary, quoted)})
		if !strings.ContainsAny(boundary, `, `) {
			forms = append(forms, named{"boundary not quoted " + boundary, arrives, ordinary(boundary, "multipart/form-data; boundary="+boundary)})
		}
	}
	for name, contentType := range map[string]string{
		"a type":                  plainType + "; type=x",
		"a quoted type before":    `multipart/form-data; type="text/xml"; boundary=` + plainBoundary,
		"a charset before":        "multipart/form-data; charset=utf-8; boundary=" + plainBoundary,
		"the same twice":          plainType + "; boundary=" + plainBoundary,
		"the same twice, quoted":  plainType + `; boundary="` + plainBoundary + `"`,
		"joined by a comma":       plainType + ", " + plainType,
		"begun with a comma":      "multipart/form-data, boundary=" + plainBoundary,
		"no semicolon":            "multipart/form-data boundary=" + plainBoundary,
		"capitals":                "MULTIPART/FORM-DATA; BOUNDARY=" + plainBoundary,
		"some capitals":           "Multipart/Form-Data; Boundary=" + plainBoundary,
		"no blank":                "multipart/form-data;boundary=" + plainBoundary,
		"blanks around":           "multipart/form-data ; boundary=" + plainBoundary + " ",
		"blanks around the sign":  "multipart/form-data; boundary = " + plainBoundary,
		"a semicolon at the end":  plainType + ";",
		"two semicolons":          "multipart/form-data;; boundary=" + plainBoundary,
		"a parameter of one word": plainType + "; x",
		"an empty parameter":      plainType + "; x=",
		"a tab":                   "multipart/form-data;\tboundary=" + plainBoundary,
		"another's boundary":      `multipart/form-data; x="boundary=other"; boundary=` + plainBoundary,
		"first of two":            plainType + "; boundary=other",
		"second of two":           "multipart/form-data; boundary=other; boundary=" + plainBoundary,
	} {
		forms = append(forms, named{"Content-Type with " + name, arrives, ordinary(plainBoundary, contentType)})
	}
	return append(forms,
		named{"Content-Type twice, the same", arrives, ordinary(plainBoundary, plainType, plainType)},
		named{"Content-Type twice, another boundary", arrives, ordinary(plainBoundary, plainType, "multipart/form-data; boundary=other")},
		named{"Content-Type without a boundary", refused, ordinary(plainBoundary, "multipart/form-data")},
		named{"boundary of 300 characters", refused, ordinary(strings.Repeat("b", 300), "multipart/form-data; boundary="+strings.Repeat("b", 300))},
		named{"boundary that the body does not have", refused, ordinary("other", plainType)},
		// Rack and CGI.pm look for `--a`.
		named{"boundary cut at its comma, with a credential behind", unseen, rawForm(`multipart/form-data; boundary="a,b"`,
			bodyOf("a,b", plainKey, plainFile, field("note", "x\r\n--a\r\n"+field("signature", staleSignature)+"\r\n--a")))},
		named{"boundary cut at its comma, with a public key behind", unseen, rawForm(`multipart/form-data; boundary="a,b"`,
			bodyOf("a,b", plainKey, plainFile, field("note", "x\r\n--a\r\n"+field("pub_key", otherKey)+"\r\n--a")))},
	)
}

// charsetForms: only charsets that hide ASCII are refused.
func charsetForms() []named {
	var forms []named
	for _, charset := range []string{"utf-8", "UTF8", "utf8mb4", "windows-31j", "ms932", "shift-jis", "Shift_JIS", "ibm850", "cp437", "windows-874", "tis-620", "euc-tw", "big5-hkscs", "ansi_x3.4-1968", "iso8859-1", "latin1", "macintosh", "koi8-r", "gb18030", "x-unknown"} {
		forms = append(forms,
			named{"charset " + charset, arrives, ordinary(plainBoundary, plainType+"; charset="+charset)},
			named{"charset quoted " + charset, arrives, ordinary(plainBoundary, `multipart/form-data; charset="`+charset+`"; boundary=`+plainBoundary)},
		)
	}
	for _, charset := range []string{"utf-16", "UTF-16LE", "utf-32", "utf-7", "iso-2022-jp", "iso-2022-kr", "hz-gb-2312", "cp037", "ibm037", "ibm500", "utf16", "UTF_16", "unicode-1-1-utf-7"} {
		forms = append(forms, named{"charset that hides ASCII " + charset, refused, ordinary(plainBoundary, plainType+"; charset="+charset)})
	}
	return forms
}

// codingForms: only real content codings are refused.
func codingForms() []named {
	var forms []named
	add := func(want expectation, codings ...string) {
		client := ordinary(plainBoundary, plainType)
		client.contentEncoding = codings
		forms = append(forms, named{"Content-Encoding " + strings.Join(codings, " and "), want, client})
	}
	for _, coding := range []string{"identity", "utf-8", "UTF-8", "binary", "none", "8bit", "multipart/form-data", "base64", "", "identity, utf-8", "iso-8859-1", "chunked"} {
		add(arrives, coding)
	}
	for _, coding := range []string{"gzip", "GZIP", "deflate", "br", "x-gzip", "compress", "zstd", "gzip, identity", "utf-8, gzip"} {
		add(refused, coding)
	}
	add(refused, "identity", "gzip")
	return forms
}

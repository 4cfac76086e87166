// SPDX-License-Identifier: Apache-2.0

package form

import (
	"strings"
	"testing"
)

// encodedWordsOf returns a text of encoded words that no server takes for a credential.
func encodedWordsOf(count int) string { return strings.Repeat("=?u?q?a?=", count) }

func TestEditorRefusesTooManyEncodedWords(t *testing.T) {
	many, half := encodedWordsOf(maxEncodedWords+1), encodedWordsOf(maxEncodedWords/2)
	inName := func(words string) string { return field(words, "b") }
	inHeader := func(words string) string {
		return "Content-Disposition: form-data; name=\"a\"\r\nX-Y: " + words + "\r\n\r\nb"
	}
	within := func(words string) string {
		return "Content-Disposition: form-data; name=\"a\"; filename=\"b\"\r\nContent-Type: multipart/mixed; boundary=C\r\n\r\n" +
			"--C\r\nContent-Disposition: form-data; x=\"" + words + "\"\r\n\r\n\r\n--C--"
	}
	refuse(t, map[string]string{
		"in a disposition":         body("Content-Disposition: form-data; x=\"" + strings.Repeat("=?u?q?name=?=", maxEncodedWords+1) + "\"\r\n\r\nb"),
		"in a name":                body(inName(many)),
		"in another line":          body(inHeader(many)),
		"in many parts":            body(slicesOf(maxEncodedWords/16+1, inHeader(encodedWordsOf(16)))...),
		"in a part within a part":  body(within(many)),
		"in many of them":          body(within(half), within(half), within("=?u?q?a?=")),
		"in a part without header": body("\r\n"+half, "\r\n"+half, "\r\n=?u?q?a?="),
	}, ErrMalformedHeader)
	refuse(t, map[string]string{
		"in the preamble": many + "\r\n" + body(inHeader("b")),
		"in the epilogue": body(inHeader("b")) + many,
	}, ErrAmbiguousDelimiter)
}

func TestEditorTakesEncodedWords(t *testing.T) {
	key := field("UPLOADCARE_PUB_KEY", "k")
	named := file("file", strings.Repeat("=?utf-8?b?0LrQu9GO0Yc=?= ", 8)+".png", "abc")
	take(t, map[string]string{
		"of a long file name":          body(key, named),
		"of a hundred files":           body(append(slicesOf(100, named), key)...),
		"as many as may be":            body(key, "Content-Disposition: form-data; name=\"a\"\r\nX-Y: "+encodedWordsOf(maxEncodedWords)+"\r\n\r\nb"),
		"any number within a file":     body(key, file("file", "a.eml", encodedWordsOf(10*maxEncodedWords))),
		"any number within a field":    body(key, field("a", encodedWordsOf(10*maxEncodedWords))),
		"any number within mail's own": body(key, "Content-Disposition: form-data; name=\"a\"; filename=\"b.eml\"\r\nContent-Type: multipart/mixed; boundary=C\r\n\r\n--C\r\nSubject: "+encodedWordsOf(2*maxEncodedWords)+"\r\n\r\n--C--"),
	})
}

func TestEncodedWordsAreDecoded(t *testing.T) {
	for text, want := range map[string]string{
		"=?utf-8?q?na=6de?=":                "name",
		"=?us-ascii?B?bmFtZQ==?=":           "name",
		"=?iso-8859-1?q?=e4?=":              "ä",
		"=?u?q?name?=":                      "name", // of a charset that is not known
		"=?utf-8*en?q?name?=":               "name", // RFC 2231, section 5
		"=??q?name?=":                       "name",
		"=?utf-16?b?AG4AYQBtAGU=?=":         "name",
		"=?u?q?na?= \r\n =?u?q?me?=":        "name",
		"a=?u?q?name?=b":                    "anameb",
		"=?u?q?=zz?=":                       "=zz", // Python leaves what is no escape
		"=??q?=zz?=":                        "=zz",
		"=?u?q?na=\x016de?=":                "na=\x016de",
		"=?u?b?bm.FtZ?Q?=":                  "name", // Commons FileUpload and Python skip what is no letter of base64
		"=?u?b?bmFtZQ=?=":                   "name",
		"=?iso-2022-jp?b?GyhKbmFtZQ==?=":    "name",
		"=?u?b?.YT4+YT4/?=":                 "a>>a>?",
		"=?u?b?bmFt\r\n ZQ==?=":             "name",
		"=?u?Q?=zz=6D=6d?=":                 "=zzmm",
		"=?iso-2022-jp?q?=1B$(Dna=1B.~me?=": "name",
		"=?u?x?name?=":                      "=?u?x?name?=",
		"=?u?b?!?= and another =?u?q??=":    " and another ",
	} {
		if got := string(decodeWords([]byte(text), false)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// Invariant 2: Commons FileUpload decodes a name by any charset that Java knows, and skips what is no letter of base64.
func TestInvariant2NamesInEncodedWordsHideNoCredential(t *testing.T) {
	photo := file("file", "a", "b")
	for _, name := range []string{
		"=?utf-8?B?c2ln.bmF0dXJl?=", "=?utf-8?B?c2ln?bmF0dXJl?=", "=?utf-8?B?=c2lnbmF0dXJl?=", "=?utf-8?B?ZXhwaXJl=c2ln?=", "=?utf-8?B?c2ln.bmF0dXJl=eHh4?=", "=?iso-2022-jp?B?GyhKc2lnbmF0dXJl?=",
	} {
		in, want := body(field(name, "old"), photo), signed(field(strings.Repeat("x", len(name)), "xxx"), photo)
		if got, err := readEdited(strings.NewReader(in), testEdit(testBoundary, nil)); err != nil || got != want {
			t.Errorf("%s: error %v\n got %q\nwant %q", name, err, got, want)
		}
	}
	refuse(t, map[string]string{
		"EBCDIC":           body(field("=?cp037?Q?=A2=89=87=95=81=A3=A4=99=85?=", "old"), photo),
		"EBCDIC, in part":  body(field("sig=?ibm500?B?lYGjpJmF?=", "old"), photo),
		"UTF-7":            body(field("=?utf-7?Q?+AHM-ignature?=", "old"), photo),
		"in a part within": body("Content-Disposition: form-data; name=\"b\"\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n" + field("=?cp037?Q?=A2?=", "old") + "\r\n--c--"),
		"EBCDIC in base64": body(field("=?cp1047?B?hae3idaF?=", "old"), photo),
	}, ErrMalformedHeader)
	take(t, map[string]string{
		"a file's name in any charset": body(file("file", "=?utf-7?Q?+AHM-?=.png", "b")),
		"a name in another charset":    body(field("=?windows-1251?B?8ODn?=", "b"), photo),
		"a name in UTF-32":             body(field("=?utf-32?b?AAAEGg==?=", "b"), photo),
		"a name in UCS-2 and UCS-4":    body(field("=?ucs-2?b?BBo=?= =?ucs4?b?AAAEGg==?=", "b"), photo),
		"a name in Japanese":           body(field("=?ISO-2022-JP?B?GyRCJUYlOSVIGyhC?=", "b"), photo),
	})
}

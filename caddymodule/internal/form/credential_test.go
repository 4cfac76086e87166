// SPDX-License-Identifier: Apache-2.0

package form

import (
	"errors"
	"strings"
	"testing"
)

// Invariant 2: a client's credential is crossed out under whatever name a server
// may find it.
func TestInvariant2EditorCrossesOutEveryNameOfACredential(t *testing.T) {
	x := func(length int) string { return strings.Repeat("x", length) }
	for name, test := range map[string]struct{ header, want string }{
		"an array":                              {`Content-Disposition: form-data; name="signature[]"`, `Content-Disposition: form-data; name="` + x(11) + `"`},
		"a member of an array":                  {`Content-Disposition: form-data; name="signature[a]"`, `Content-Disposition: form-data; name="` + x(12) + `"`},
		"brackets":                              {`Content-Disposition: form-data; name="[signature]"`, `Content-Disposition: form-data; name="` + x(11) + `"`},
		"a dot for an underscore":               {`Content-Disposition: form-data; name="UPLOADCARE.SIGNATURE"`, `Content-Disposition: form-data; name="` + x(20) + `"`},
		"percent-encoded":                       {`Content-Disposition: form-data; name="%73ignature"`, `Content-Disposition: form-data; name="` + x(11) + `"`},
		"behind a semicolon":                    {`Content-Disposition: form-data; name="signature;x"`, `Content-Disposition: form-data; name="` + x(11) + `"`},
		"an encoded word":                       {`Content-Disposition: form-data; name="=?utf-8?q?signature?="`, `Content-Disposition: form-data; name="` + x(21) + `"`},
		"another encoded word":                  {`Content-Disposition: form-data; name="=?utf-8?B?c2lnbmF0dXJl?="`, `Content-Disposition: form-data; name="` + x(24) + `"`},
		"a foreign blank":                       {"Content-Disposition: form-data; name=\"\u00a0signature\"", `Content-Disposition: form-data; name="` + x(11) + `"`},
		"a NUL before":                          {"Content-Disposition: form-data; name=\"\x00signature\"", `Content-Disposition: form-data; name="` + x(10) + `"`},
		"slashes before":                        {`Content-Disposition: form-data; name="/\/signature"`, `Content-Disposition: form-data; name="x\` + x(10) + `"`},
		"a NUL":                                 {"Content-Disposition: form-data; name=\"signature\x00y\"", `Content-Disposition: form-data; name="` + x(11) + `"`},
		"an escape":                             {`Content-Disposition: form-data; name="sig\nature"`, `Content-Disposition: form-data; name="xxx\xxxxxx"`},
		"a backslash at its end":                {`Content-Disposition: form-data; name="signature\"`, `Content-Disposition: form-data; name="` + x(9) + `\"`},
		"blanks around the sign":                {`Content-Disposition: form-data; name = "signature"`, `Content-Disposition: form-data; name = "` + x(9) + `"`},
		"a blank before a colon":                {"Content-Disposition : form-data; name=signature", "Content-Disposition : form-data; name=" + x(9)},
		"an unfinished quote":                   {`Content-Disposition: form-data; name="signature`, `Content-Disposition: form-data; name="` + x(9)},
		"a quote within":                        {`Content-Disposition: form-data; name=sign"ature`, `Content-Disposition: form-data; name=` + x(10)},
		"a harmless key first":                  {`Content-Disposition: form-data; size=3; name="signature"`, `Content-Disposition: form-data; size=3; name="` + x(9) + `"`},
		"an empty parameter first":              {`Content-Disposition: form-data;; name="signature"; filename=""`, `Content-Disposition: form-data;; name="` + x(9) + `"; filename=""`},
		"an empty file name behind another key": {`Content-Disposition: form-data; size=3; name="expire"; filename=""`, `Content-Disposition: form-data; size=3; name="` + x(6) + `"; filename=""`},
		"an empty file name without quotes":     {`Content-Disposition: form-data; name=expire; filename=`, `Content-Disposition: form-data; name=` + x(6) + `; filename=`},
		"a fold at its end":                     {"Content-Disposition: form-data; name=\"expire\"; filename=\"\";\r\n ", `Content-Disposition: form-data; name="` + x(6) + "\"; filename=\"\";\r\n "},
		"single quotes":                         {`Content-Disposition: form-data; name='expire'; filename=""`, `Content-Disposition: form-data; name=` + x(8) + `; filename=""`},
		"two equal lines": {
			"Content-Disposition: form-data; name=\"expire\"\r\nContent-Disposition: form-data; name=\"expire\"",
			"Content-Disposition: form-data; name=\"xxxxxx\"\r\nContent-Disposition: form-data; name=\"xxxxxx\"",
		},
		"under base64": {
			"Content-Disposition: form-data; name=\"expire\"\r\nContent-Transfer-Encoding: base64",
			"Content-Disposition: form-data; name=\"xxxxxx\"\r\n" + x(25) + ": base64",
		},
		"under base64, the encoding first": {
			"content-transfer-encoding : BASE64\r\nContent-Disposition: form-data; name=\"expire\"",
			x(26) + ": BASE64\r\nContent-Disposition: form-data; name=\"xxxxxx\"",
		},
		"in another charset": {
			"Content-Disposition: form-data; name=\"expire\"\r\nContent-Type: text/plain; charset=utf-16",
			"Content-Disposition: form-data; name=\"xxxxxx\"\r\n" + x(12) + ": text/plain; charset=utf-16",
		},
	} {
		t.Run(name, func(t *testing.T) {
			in, want := body(test.header+"\r\n\r\nold", field("a", "b")), signed(test.want+"\r\n\r\nxxx", field("a", "b"))
			for slicing, source := range slicings(in) {
				if got, err := readEdited(source, testEdit(testBoundary, nil)); err != nil || got != want {
					t.Fatalf("%s: error %v\ngot  %q\nwant %q", slicing, err, got, want)
				}
			}
		})
	}
}

// A stale field whose content is a form of its own loses the type that says so: a
// server could not parse the crossed-out content, and looks for no such form in what follows.
func TestEditorCrossesOutAStaleFieldThatIsAForm(t *testing.T) {
	inner := "--inner\r\nContent-Disposition: attachment; filename=\"a\"\r\n\r\nold\r\n--inner--\r\n"
	photo := file("file", "a", "&signature=x&\r\n--inner\r\n"+field("signature", "x"))
	for _, mediaType := range []string{"multipart/mixed; boundary=inner", "application/x-www-form-urlencoded"} {
		in := body("Content-Disposition: form-data; name=\"signature\"\r\nContent-Type: "+mediaType+"\r\n\r\n"+inner, photo)
		want := signed("Content-Disposition: form-data; name=\"xxxxxxxxx\"\r\nxxxxxxxxxxxx: "+mediaType+"\r\n\r\n"+strings.Repeat("x", len(inner)), photo)
		if got, err := readEdited(strings.NewReader(in), testEdit(testBoundary, nil)); err != nil || got != want {
			t.Errorf("%s: error %v\ngot  %q\nwant %q", mediaType, err, got, want)
		}
	}
}

// Invariant 2: a form is refused if some server may find a credential that the editor
// cannot cross out.
func TestInvariant2EditorRefusesWhatMayHideACredential(t *testing.T) {
	stale := field("signature", "abc")
	header := func(lines string) string { return body(lines + "\r\n\r\nabc") }
	long, lines := "X: "+strings.Repeat("y", 9000)+"\r\n", strings.Repeat("X: "+strings.Repeat("y", 900)+"\r\n", 100)
	refuse(t, map[string]string{
		// keys
		"name, a blank, a star":              disposition(`form-data; name="b"; name *=utf-8''signature`),
		"a foreign blank before the key":     disposition("form-data; name=\"b\"; \u00a0name*=utf-8''signature"),
		"a wide blank before the key":        disposition("form-data; name=\"b\"; \u2003name=\"signature\""),
		"a comma before the key":             disposition(`form-data; name="b";,name="signature"`),
		"a quote before the key":             disposition(`form-data; name="b"; "name="signature"`),
		"a quoted key":                       disposition(`form-data; "name"=signature`),
		"a blank within the key":             disposition(`form-data; name="b"; na me="signature"`),
		"a line end within the key":          disposition("form-data; name=\"b\"; na\r\n me=\"signature\""),
		"a key that ends so":                 disposition(`form-data; x-name="signature"; name="b"`),
		"a key behind an equals sign":        disposition(`form-data; =name="signature"; name="b"`),
		"such a key at the beginning":        header(`Content-Disposition: =name="signature"; name="b"`),
		"a quoted name without a key":        disposition(`form-data; ="; name=signature"; name="b"`),
		"a key that begins so":               disposition(`form-data; name1="signature"; name="b"`),
		"no semicolon before the key":        disposition(`form-data name="signature"`),
		"a form feed before the key":         disposition("form-data;\x0cname=\"signature\""),
		"an extended name":                   disposition("form-data; name*=utf-8''signature"),
		"an extended name, percent-encoded":  disposition("form-data; name*=utf-8''%73ignature"),
		"a continued name":                   disposition("form-data; name*0=sign; name*1=ature"),
		"a continued name, the end first":    disposition("form-data; name*1=ature; name*0=sign"),
		"a continued name, among others":     disposition("form-data; name=x; name*0*=utf-8''sign; y=z; name*1=ature"),
		"two names":                          disposition("form-data; name=a; name=signature"),
		"two names, the stale first":         disposition("form-data; name=signature; name=signature"),
		"a name smuggled behind a file name": disposition(`form-data; name="a"; filename="b"; name="signature"`),
		// quotes
		"a name with an escaped quote":       disposition(`form-data; name="a\"; name=signature; x="`),
		"a file name with such a one":        disposition(`form-data; name="a"; filename="b\"; name=signature; x="`),
		"an escaped quote within a name":     disposition(`form-data; name="sign\"ature"`),
		"quotes before a name":               disposition(`form-data; x"; name="y"; z="; name=signature; w="`),
		"quotes within quotes":               disposition(`form-data; name="y"; z="a"b"; x="; name=signature; w="`),
		"a name within a name":               disposition(`form-data; name="b;name=UPLOADCARE_SIGNATURE"`),
		"a name far within a name":           disposition(`file; name="b;; name=signature"`),
		"a name within quotes":               disposition(`form-data; name="y"; x="; name=signature"`),
		"a name within a file name":          disposition(`form-data; name="y"; filename="; name=signature"`),
		"another name within a file name":    disposition(`form-data; name="y"; filename="a;NAME='expire';b"`),
		"a name behind quotes":               disposition(`form-data; name="b"; x="y" name=signature`),
		"a name behind a file's quotes":      disposition(`form-data; name="b"; filename="c" name=signature`),
		"a name behind a file's other":       disposition(`form-data; name="b"; filename*=utf-8''c name=signature`),
		"half a quoted name":                 disposition(`form-data; name="sig"nature`),
		"a name over two lines":              disposition("form-data; name=\"sign\r\n ature\""),
		"a file name over two lines":         disposition("form-data; name=a; filename=\"b\r\n name=signature\""),
		"over two lines of a file name":      disposition("form-data; name=\"a\"; filename=\"b\r\n name=signature\""),
		"an unquoted file name of two words": disposition(`form-data; name="a"; filename=b name=signature`),
		"an unquoted name of two words":      disposition("form-data; name=x y; z name=signature"),
		// files
		"a file without a type":          disposition(`form-data; name="signature"; filename="x"`),
		"a file whose type is a sign":    header("Content-Disposition: form-data; name=\"signature\"; filename=\"x\"\r\nContent-Type: ;"),
		"a file that hides another name": header("Content-Disposition: form-data; name=\"signature\"; filename=\"x; name=pub_key\"\r\nContent-Type: a/b"),
		"a file whose type is empty":     header("Content-Disposition: form-data; name=\"signature\"; filename=\"x\"\r\nContent-Type: "),
		"a file, but for a blank":        header("Content-Disposition: form-data; name=\"signature\";filename=\"x\"\r\nContent-Type: text/plain"),
		"a file, but for a blank more":   header("Content-Disposition: form-data; name=\"signature\"; filename =\"x\"\r\nContent-Type: text/plain"),
		"a file, but for a blank at end": header("Content-Disposition: form-data; name=\"signature\"; filename=\"x\" \r\nContent-Type: text/plain"),
		"a file, but for case":           header("Content-Disposition: form-data; name=\"signature\"; FILENAME=\"x\"\r\nContent-Type: text/plain"),
		"a file, but for quotes":         header("Content-Disposition: form-data; name=\"signature\"; filename=x\r\nContent-Type: text/plain"),
		"a file, but for the disposition": header("Content-Disposition: attachment; name=\"signature\"; filename=\"x\"\r\n" +
			"Content-Type: text/plain"),
		"a file called /":                    header("Content-Disposition: form-data; name=\"signature\"; filename=\"/\"\r\nContent-Type: text/plain"),
		"a file called ..":                   header("Content-Disposition: form-data; name=\"signature\"; filename=\"a/..\"\r\nContent-Type: text/plain"),
		"a folder":                           header("Content-Disposition: form-data; name=\"signature\"; filename=\"C:\\a\\\"\r\nContent-Type: text/plain"),
		"a file that is a form":              header("Content-Disposition: form-data; name=\"signature\"; filename=\"a\"\r\nContent-Type: multipart/mixed; boundary=b"),
		"a file that is urlencoded":          header("Content-Disposition: form-data; name=\"signature\"; filename=\"a\"\r\nContent-Type: application/x-www-form-urlencoded; x=y"),
		"a file of two equal lines":          header(strings.Repeat("Content-Disposition: form-data; name=\"signature\"; filename=\"a\"\r\n", 2) + "Content-Type: text/plain"),
		"a file by its other name":           header("Content-Disposition: form-data; name=\"signature\"; filename*=utf-8''a\r\nContent-Type: text/plain"),
		"a file by both names":               header("Content-Disposition: form-data; name=\"signature\"; filename=\"a\"; filename*=UTF-8''\r\nContent-Type: text/plain"),
		"a file in pieces":                   header("Content-Disposition: form-data; name=\"signature\"; filename=\"a\"; filename*0=\"\"\r\nContent-Type: text/plain"),
		"two file names, the last empty":     header("Content-Disposition: form-data; name=signature; filename=a; filename=\"\"\r\nContent-Type: text/plain"),
		"two file names":                     header("Content-Disposition: form-data; name=signature; filename=\"\"; filename=a\r\nContent-Type: text/plain"),
		"a file called so, before its name":  header("Content-Disposition: form-data; filename=\"signature\"; name=\"b\"\r\nContent-Type: text/plain"),
		"a file called so, and NAME":         header("Content-Disposition: form-data; NAME=\"b\"; filename=\"signature\"\r\nContent-Type: text/plain"),
		"a file called so, the name in caps": header("Content-Disposition: form-data; filename=\"signature\"; NAME=\"b\"\r\nContent-Type: text/plain"),
		"a delimiter within a line":          header("Content-Disposition: form-data; name=a; filename=" + dash + "\r\nX: y; name=\"signature\""),
		// lines
		"bare LF":                            header("X: y\nContent-Disposition: form-data; name=signature"),
		"bare LF at its end":                 header("Content-Disposition: form-data; name=expire\n"),
		"a header that bare LF end":          header("Content-Disposition: form-data; name=expire\n\nold"),
		"a key's header that bare LF end":    header("Content-Disposition: form-data; name=pub_key; x=y\n\nother\r\nUPLOADCARE_PUB_KEY: k"),
		"bare LF at its beginning":           header("\nContent-Disposition: form-data; name=expire"),
		"bare CR at its end":                 header("Content-Disposition: form-data; name=expire\r"),
		"bare CR":                            header("X: y\rContent-Disposition: form-data; name=signature"),
		"a vertical tab":                     header("Content-Disposition: form-data; name=a; filename=\"b\x0bContent-Disposition: form-data; name=signature\""),
		"a delete character":                 header("Content-Disposition: form-data; name=a; filename=\"b\x7fContent-Disposition: form-data; name=signature\""),
		"a folded first line":                header(" Content-Disposition: form-data; name=signature"),
		"in a folded line of another":        header("X: y\r\n Content-Disposition: form-data; name=signature\r\nContent-Disposition: form-data; name=a"),
		"in a folded Content-Type":           header("Content-Disposition: form-data; name=a\r\nContent-Type: text/plain\r\n Content-Disposition: form-data; name=signature"),
		"in one with a blank and a file":     header("Content-Disposition: form-data; name=a; filename=b\r\nContent-Type : text/plain\r\n\tContent-Disposition: form-data; name=\"pub_key\""),
		"in a folded encoding":               header("Content-Transfer-Encoding:\r\n Content-Disposition: form-data; name=signature\r\nContent-Disposition: form-data; name=a"),
		"in another line":                    header("X: Content-Disposition: form-data; name=signature\r\nContent-Disposition: form-data; name=a"),
		"only in a folded line of another":   header("X: y\r\n Content-Disposition: form-data; name=signature"),
		"in a folded line of its own":        header("Content-Disposition: form-data; name=a\r\n Content-Disposition: form-data; name=signature"),
		"in a line without a colon":          header("Content-Disposition: form-data; name=a\r\nContent-Disposition form-data; name=signature"),
		"whose last letter is a line":        header("Content-Disposition: form-data; name=signatur\r\ne"), // PHP joins them
		"in a line of no name":               header(": form-data; name=signature\r\nContent-Disposition: form-data; name=a"),
		"a disposition by another name":      header("X-Content-Disposition: form-data; name=signature\r\nContent-Disposition: form-data; name=a"),
		"in a line of its own":               header("Content-Disposition: form-data; name = \"a\";\r\n; name=signature\r\nX: y"),
		"over two lines, without a blank":    header("Content-Disposition: form-data; name=\"UPLOADCARE_S\r\nIGNATURE\""),
		"over two lines, the last letter":    header("Content-Disposition: form-data; name=\"signatur\r\ne\""),
		"over two lines, after the quote":    header("Content-Disposition: form-data; name=\"\r\npub_key\""),
		"over two lines, without quotes":     header("Content-Disposition: form-data; name=\r\nUPLOADCARE_SIGNATURE"),
		"two dispositions":                   header("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=signature"),
		"two dispositions, within the first": header("Content-Disposition: form-data; name=\"a\"; filename=\"b name=signature\"\r\nContent-Disposition: form-data"),
		"three equal dispositions":           header(strings.Repeat("Content-Disposition: form-data; name=\"signature\"\r\n", 3) + "X: y"),
		"two dispositions, the stale one first": header("Content-Disposition: form-data; name=signature\r\n" +
			"Content-Disposition: form-data; name=a; filename=\"b\""),
		// no name
		"a name by Content-ID":                header("Content-ID: signature"),
		"a name by the type":                  header("Content-Type: signature"),
		"a name behind a word":                header("Content-Disposition: form-data; x; name=signature\r\nX-Y: filename=a"),
		"a quoted, unnamed parameter":         disposition(`form-data; "signature"`),
		"a name that Rack does not read":      header("Content-Disposition: form-data; name =\"a\"\r\nContent-ID: signature"),
		"one before a blank":                  header("Content-Disposition: form-data; name= \"a\"\r\nContent-ID: signature"),
		"one of another sign":                 header("Content-Disposition: form-data; name=/a\r\nContent-ID: <signature>"),
		"one without its closing quote":       header("Content-Disposition: form-data; name=\"a\r\nContent-ID: signature"),
		"one without its single quote":        header("Content-Disposition: form-data; name='a\r\nContent-ID: signature"),
		"one that ends with a backslash":      header("Content-Disposition: form-data; name=\"a\\\"\r\nContent-ID: signature"),
		"one behind a blank and a colon":      header("Content-Disposition : form-data; name=\"a\"\r\nContent-ID: pub_key"),
		"one without a semicolon":             header("Content-Disposition: name=\"a\"\r\nX-Content-ID:\r\nsignature"),
		"one behind a colon":                  header("Content-Disposition: form-data; x=\"a:b\"; name=\"a\"\r\nContent-ID: signature"),
		"an empty one":                        header("Content-Disposition: form-data; name=\r\nContent-ID: signature"),
		"an empty one, and a type":            header("Content-Disposition: form-data; name=\"\"\r\nContent-Type: signature"),
		"an empty one, and a file name":       header("Content-Disposition: form-data; name=\"\"; filename=\"signature\"\r\nContent-Type: a/b"),
		"an empty one, and another name":      header("Content-Disposition: form-data; name=\"\"; filename*=utf-8''pub_key\r\nContent-Type: a/b"),
		"a name within a name, and a blank":   disposition(`form-data; name="b; name=pub_key c"`),
		"one within a file's name":            header("Content-Disposition: form-data; name=\"a\"; filename=\"b; name=signature c.png\"\r\nContent-Type: image/png"),
		"one within a file's other name":      disposition(`form-data; name="a"; filename*="utf-8''b; name=signature; c"`),
		"one within a piece of that":          disposition(`form-data; name="a"; filename*0="b; name=pub_key c"`),
		"one within another, and no blank":    disposition(`form-data;name="b name=pub_key"`),
		"one within one in capitals":          disposition(`form-data; NAME="b name=signature"`),
		"within a file's, and no blank":       disposition(`form-data;name="b";filename="c name=signature"`),
		"within a file's before a blank":      disposition(`form-data; filename*="c name=signature"; name="b"`),
		"within a file's, and an empty name":  disposition(`form-data; name=""; filename="c name=pub_key"`),
		"within a file's, at its beginning":   disposition(`form-data; name= "b"; filename="Name=signature"`),
		"in quotes within, and no quotes":     disposition(`form-data; name=b; filename="c name="pub_key".png"`),
		"one within a second file name":       disposition(`form-data; name="a"; filename="b"; filename="c; name=signature d"`),
		"no header":                           body("\r\nContent-Disposition: form-data; name=signature\r\n\r\nabc"),
		"a part that begins with a line end":  body("\r\n" + stale),
		"no header, but a long line":          body("\r\n" + long + stale),
		"no header, but one that bare LF end": body("\r\nX: y\n\n\r\n" + long + stale),
		"no header, but a long line and LF":   body("\r\n" + long + "X: y\n\n" + stale),
		"no header, far from its disposition": body("\r\nContent-Disposition: form-data; x=" + strings.Repeat("y", 9000) + "; name=signature\r\n\r\nabc"),
		"no header, but many lines":           body("\r\n" + lines + stale),
		"no header, a long line behind it":    body("\r\nContent-Disposition: form-data; x=" + long + stale),
		"no header, but many empty lines":     body(strings.Repeat("\r\n", 9000) + lines + stale),
		// a public key
		"a key by an extended name":     disposition("form-data; name=a; name*=utf-8''UPLOADCARE_PUB_KEY"),
		"a second name that is the key": disposition("form-data; name=a; name=UPLOADCARE_PUB_KEY"),
		"a key that is a file":          disposition(`form-data; name="UPLOADCARE_PUB_KEY"; filename="x"`),
		"a key under base64":            body("Content-Transfer-Encoding: base64\r\n" + field("UPLOADCARE_PUB_KEY", "a2V5")),
		"a key under X-UUEncode":        body("Content-Transfer-Encoding: x-uuencode\r\n" + field("UPLOADCARE_PUB_KEY", "a2V5")),
		"a key with escapes":            body("Content-Transfer-Encoding: quoted-printable\r\n" + field("UPLOADCARE_PUB_KEY", "=6bey")),
		"a key in another charset":      body("Content-Type: text/plain; charset=utf-7\r\n" + field("UPLOADCARE_PUB_KEY", "+AGs-ey")),
		"a key without a name":          header("Content-ID: UPLOADCARE_PUB_KEY"),
	}, ErrMalformedHeader)
}

// Some servers read a part of the type multipart/* as a form of its own.
func TestInvariant2EditorRefusesACredentialWithinAPart(t *testing.T) {
	hiding := "Content-Disposition: form-data; name=\"signature\"\r\n\r\nold"
	part := func(header, content string) string {
		return body(header+"\r\nContent-Type: multipart/mixed; boundary=inner\r\n\r\n"+content, file("file", "a", "b"))
	}
	outer := `Content-Disposition: form-data; name="b"`
	line := "X: " + strings.Repeat("y", 900) + "\r\n"
	refuse(t, map[string]string{
		"a field":                            part(outer, "--inner\r\n"+hiding+"\r\n--inner--\r\n"),
		"behind another":                     part(outer, "--inner\r\n"+field("a", strings.Repeat("b", 9000))+"\r\n--inner\r\n"+hiding+"\r\n--inner--\r\n"),
		"a file":                             part(`Content-Disposition: form-data; name="b"; filename="c"`, "--inner\r\n"+hiding+"\r\n--inner--\r\n"),
		"without a name":                     part("X: y", "--inner\r\n"+hiding+"\r\n--inner--\r\n"),
		"with bare LF":                       part(outer, "--inner\nContent-Disposition: form-data; name=signature\n\nold\n--inner--\n"),
		"behind a preamble":                  part(outer, "hello\r\n\r\n--inner\r\n"+hiding+"\r\n--inner--\r\n"),
		"a part within it":                   part(outer, "--inner\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"+hiding+"\r\n--b--\r\n--inner--"),
		"whose header does not end":          part(outer, "--inner\r\nContent-Disposition: form-data; name=\"signature\""),
		"behind a long line":                 part(outer, "--inner\r\nX: "+strings.Repeat("y", MaxPartHeaderSize)+"\r\n"+hiding+"\r\n--inner--\r\n"),
		"behind many lines":                  part(outer, "--inner\r\n"+strings.Repeat(line, 200)+hiding+"\r\n--inner--\r\n"),
		"with its disposition behind one":    part(outer, "--inner\r\nX: "+strings.Repeat("y", MaxPartHeaderSize)+"\r\nContent-Disposition: form-data\r\n\r\nold"),
		"before a long line":                 part(outer, "--inner\r\nContent-Disposition: form-data; x="+strings.Repeat("y", MaxPartHeaderSize)+"; name=signature\r\n\r\nold"),
		"a public key":                       part(outer, "--inner\r\n"+field("UPLOADCARE_PUB_KEY", "k")+"\r\n--inner--\r\n"),
		"in another type of its own":         body(outer+"\r\nContent-Type: Multipart/Form-Data; Boundary=\"x\"\r\n\r\n--x\r\n"+hiding+"\r\n--x--\r\n", file("file", "a", "b")),
		"behind a stray character":           body(outer+"\r\nContent-Type: multipart/mixed;]boundary=x; y=z\r\n\r\n--x\r\n"+hiding+"\r\n--x--\r\n", file("file", "a", "b")),
		"in a field without a close":         body("Content-Disposition: form-data; name=\"file\"\r\nContent-Type: multipart/mixed;]boundary=inner; x=y\r\n\r\n--inner\r\nContent-Disposition: form-data; name=\"expire\"\r\n\r\n1\r\n--inner--", file("file", "a", "b")),
		"behind a delimiter within a line":   part(outer, "x--inner\r\n"+hiding+"\r\n--inner--\r\n"),
		"behind one in a line with dashes":   part(outer, "- - -x---inner\r\n"+hiding+"\r\n--inner--\r\n"),
		"behind one, with lines of a header": part(outer, "x--inner\r\nX: a--b\r\nContent-Disposition: form-data;\r\n x=\"--\";\r\n name=\"signature\"\r\n\r\nold"),
		"by two types in one":                body("Content-Type: multipart/mixed\r\n"+outer+"\r\nContent-Type: x; boundary=x\r\n\r\n--x\r\n"+hiding+"\r\n--x--\r\n", file("file", "a", "b")),
		"in parameters":                      part(outer, "--inner\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\na&signature=old&b\r\n--inner--\r\n"),
		"in parameters behind a long line":   part(outer, "--inner\r\nContent-Type: application/x-www-form-urlencoded\r\nX: "+strings.Repeat("y", MaxPartHeaderSize)+"\r\n\r\na&signature=old&b\r\n--inner--\r\n"),
		"in parameters behind a longer one":  part(outer, "--inner\r\nContent-Type: application/x-www-form-urlencoded\r\nX: "+strings.Repeat("y", 3*MaxPartHeaderSize)+"\r\n\r\na&signature=old&b\r\n--inner--\r\n"),
		"where a long header is cut":         part(outer, "--inner\r\nX: "+strings.Repeat("y", MaxPartHeaderSize-len("X: \r\nContent-Dis"))+"\r\n"+hiding),
		"in the next part":                   body(outer+"\r\nContent-Type: multipart/mixed; boundary=inner\r\n\r\nx", file("file", "a", "--inner\r\n"+hiding+"\r\n--inner--\r\n")),
		"in the part after next, in pieces":  body(outer+"\r\nContent-Type: multipart/mixed; boundary=inner\r\n\r\n-", file("a", "b", "-\r\n-"), file("file", "a", "--inner\r\n"+hiding+"\r\n--inner--\r\n")),
		"in parameters, in the next part":    body(outer+"\r\nContent-Type: multipart/mixed; boundary=inner\r\n\r\n--inner\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\na\r\n--inner--\r\n", file("file", "a", "b&expire=1")),
		"by the second of two types":         body(outer+"\r\nContent-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"+hiding+"\r\n--x--\r\n", file("file", "a", "b")),
	}, ErrMalformedHeader)
}

// The same goes for a part that is a field to be read: its value, to such servers, is within.
func TestInvariant11EditorRefusesAWatchedFieldThatIsAForm(t *testing.T) {
	part := func(mediaType, content string) string {
		return body("Content-Disposition: form-data; name=\"pub_key\"\r\nContent-Type: "+mediaType+"\r\n\r\n"+content, file("file", "a", "b"))
	}
	refuse(t, map[string]string{
		"multipart, without parts":      part("multipart/mixed; boundary=inner", "demopublickey"),
		"multipart, with another value": part("multipart/mixed; boundary=inner", "--inner\r\n"+field("pub_key", "other")+"\r\n--inner--\r\n"),
		"multipart, with a credential":  part("multipart/form-data; boundary=inner", "--inner\r\n"+field("signature", "old")+"\r\n--inner--\r\n"),
		"urlencoded, another value":     part("application/x-www-form-urlencoded", "demopublickey&pub_key=other"),
		"urlencoded, a credential":      part("application/x-www-form-urlencoded", "demopublickey;signature=old"),
		"urlencoded, a bare name":       part("application/x-www-form-urlencoded", "a&expire"),
	}, ErrMalformedHeader)
	take(t, map[string]string{
		"urlencoded, a value":      part("application/x-www-form-urlencoded", "demopublickey"),
		"urlencoded, other values": part("application/x-www-form-urlencoded; charset=utf-8", "a=signature&b=c"),
	})
}

// A mail or a saved page is a form to such servers, and an upload of real clients.
func TestEditorTakesAMailWithinAPart(t *testing.T) {
	part := func(content string) string {
		return body("Content-Disposition: form-data; name=\"file\"; filename=\"a.mhtml\"\r\nContent-Type: multipart/related; boundary=inner\r\n\r\n"+content, field("a", "b"))
	}
	attachment := "--inner\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename=\"signature.png\"\r\n\r\n"
	take(t, map[string]string{
		"an attachment":       part(attachment + strings.Repeat("abc\r\n", 9000) + "--inner--\r\n"),
		"a long line of text": part("--inner\r\nContent-Type: text/css\r\n\r\n--color:red;" + strings.Repeat("a{b:c}", 20_000) + "\r\n\r\n" + attachment + "abc"),
		"many lines of text":  part("--inner\r\nContent-Type: text/css\r\n\r\n" + strings.Repeat("--color: red;\n", 9000) + strings.Repeat("a{b:c}\n", 9000)),
		"a form before it":    body(file("file", "a", "--inner\r\n"+field("signature", "x")+"\r\n--inner--"), "Content-Disposition: form-data; name=\"file\"; filename=\"a.mht\"\r\nContent-Type: multipart/related; boundary=inner\r\n\r\n"+attachment+"abc\r\n--inner--", field("pub_key", "k"), field("b", "--\r\nc")),
		"a large header":      part("--inner\r\nX-Y: " + strings.Repeat("y", MaxPartHeaderSize-200) + "\r\n" + attachment[len("--inner\r\n"):] + "abc"),
	})
}

// Python's cgi reads a urlencoded part as parameters of the form.
func TestInvariant2EditorRefusesACredentialInParametersWithinAPart(t *testing.T) {
	part := func(content string) string {
		return body("Content-Disposition: form-data; name=\"b\"\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n"+content, file("file", "a", "b"))
	}
	refuse(t, map[string]string{
		"alone":              part("signature=old"),
		"behind another":     part(strings.Repeat("a=b&", 9000) + "expire=1"),
		"behind a semicolon": part("a=b;signature=old"),
		"behind a line":      part("a=b\r\nsignature=old"),
		"escaped":            part("%73ignature+=old"),
		"a bad escape":       part("s%ignature=old"),
		"bare":               part("a&signature"),
		"a public key":       part("pub_key=old"),
		"in the next file":   part("a=1\r\n" + dash + "\r\n" + file("file", "a", "x&signature=old&y")),
		"in the next header": part("a=1\r\n" + dash + "\r\n" + field("x&signature=old&y", "b")),
		"in the next part":   part("a=1\r\n" + dash + "\r\nContent-Disposition: form-data; name=\"y\"\r\nX: z&expire=1\r\n\r\nb"),
		"in the epilogue":    part("a=1") + "&signature",
		"at its beginning":   part("a=1\r\n" + dash + "\r\nsignature=old\r\n" + field("y", "b")),
		"bare, in a header":  part("a=1\r\n" + dash + "\r\nContent-Disposition: form-data; name=\"y\"\r\nX: z&expire\r\n\r\nb"),
		"behind a form":      body("Content-Disposition: form-data; name=\"b\"\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\na=1", "Content-Disposition: form-data; name=\"c\"\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n--d--", file("file", "a", "x&signature=old&y")),
		"behind a key":       body("Content-Disposition: form-data; name=\"pub_key\"\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nk", file("file", "a", "x&signature=old&y")),
		"behind a bare CR":   body("Content-Disposition: attachment; x=\"\\\";\rContent-Type: application/x-www-form-urlencoded\r\n\r\nsignature=old", file("file", "a", "b")),
	}, ErrMalformedHeader)
	take(t, map[string]string{
		"no credential":       part("a=1&signatures=2&=&&" + strings.Repeat("x", 9000)),
		"in a value":          part("a=signature&b=expire=1"),
		"in a long one":       part(strings.Repeat("x", maxParamName) + "signature=1"),
		"in a file before it": body(file("file", "a", "x&signature=old&y"), "Content-Disposition: form-data; name=\"b\"\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\na=1"),
	})
	stale := part("a=1\r\n" + dash + "\r\n" + field("signature", "x&expire=1&y"))
	if got, err := readEdited(strings.NewReader(stale), testEdit(testBoundary, nil)); err != nil || strings.Contains(got, "expire=1") {
		t.Errorf("within a stale field: error %v\ngot %q", err, got)
	}
	boundary := "a&signature=old&b"
	in := strings.ReplaceAll(part("a=1"), testBoundary, boundary)
	if got, err := readEdited(strings.NewReader(in), testEdit(boundary, nil)); !errors.Is(err, errDoubtful) {
		t.Errorf("in the boundary: error %v\ngot %q", err, got)
	}
}

// A server that looks for the last boundary finds one within the boundary.
func TestInvariant2EditorRefusesACredentialBehindABoundaryWithinTheBoundary(t *testing.T) {
	const boundary = "ab; Boundary = cd"
	form := func(content string) string {
		return "--" + boundary + "\r\n" + file("file", "a", content) + "\r\n--" + boundary + "--\r\n"
	}
	for content, refused := range map[string]bool{
		"plain -- content ----":   false,
		strings.Repeat("-", 9000): false,
		"abc\r\n--cd\r\n" + field("signature", "old") + "\r\n--cd--\r\n":                   true,
		strings.Repeat("--", 20_000) + "\r\n--cd\r\n" + field("pub_key", "other") + "\r\n": true,
	} {
		for slicing, source := range slicings(form(content)) {
			if _, err := readEdited(source, testEdit(boundary, nil)); (err != nil) != refused {
				t.Errorf("%.40q, %s: %v", content, slicing, err)
			}
		}
	}
}

// Some servers keep the quote before a boundary that they cut at a semicolon, or drop the
// blanks there, or decode encoded words.
func TestInvariant2EditorRefusesACredentialBehindAnotherReadingOfTheBoundary(t *testing.T) {
	for boundary, other := range map[string]string{
		"A:x;b": `"A:x`, " abc": "abc", "  a,b": "a", "=?utf-8?q?abc?=": "abc", "x =?us-ascii?B?YWJj?=": "x abc", "'abc'": "abc",
	} {
		form := func(content string) string {
			return "--" + boundary + "\r\n" + file("file", "a", content) + "\r\n--" + boundary + "--\r\n"
		}
		for content, refused := range map[string]bool{
			"plain -- content ----": false,
			"x\r\n--" + other + "\r\n" + field("signature", "old") + "\r\n--" + other + "--\r\n": true,
			"x\r\n--" + other + "\r\n" + field("other", "signature") + "\r\n":                    false,
		} {
			for slicing, source := range slicings(form(content)) {
				if got, err := readEdited(source, testEdit(boundary, nil)); (err != nil) != refused {
					t.Errorf("%q, %.40q, %s: %v, got %q", boundary, content, slicing, err, got)
				}
			}
		}
	}
}

// Servers that cut a boundary look for a shorter delimiter.
func TestInvariant2EditorRefusesACredentialBehindACutBoundary(t *testing.T) {
	for _, boundary := range []string{"a-boundary,b", "a-boundary;b", "a-boundary b"} {
		form := func(content string) string {
			return "--" + boundary + "\r\n" + field("k", "1") + "\r\n--" + boundary + "\r\n" + file("file", "a", content) + "\r\n--" + boundary + "--\r\n"
		}
		for content, refused := range map[string]bool{
			"plain content": false,
			"\r\n--a-boundary\r\n" + field("signature", "old") + "\r\n--a-boundary--\r\n":  true,
			"\n--a-boundary\n" + strings.ReplaceAll(field("expire", "1"), "\r", "") + "\n": true,
			"\r\n--a-boundary\r\n" + field("UPLOADCARE_PUB_KEY", "old") + "\r\n":           true,
			"\r\n--a-boundary\r\n" + field("other", "signature") + "\r\n":                  false,
			"--a-boundary--a-boundary" + boundary:                                          false,
			strings.Repeat("\r\n--a-boundary", 5000):                                       false,
			strings.Repeat("\r\n--a-boundary", 5000) + "\r\n" + field("signature", "old"):  true,
		} {
			for slicing, source := range slicings(form(content)) {
				_, err := readEdited(source, testEdit(boundary, nil))
				if (err != nil) != refused {
					t.Errorf("%q, %.40q, %s: %v", boundary, content, slicing, err)
				}
			}
		}
	}
}

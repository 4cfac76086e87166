// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import "strings"

// partForms: doubtful parts in which nothing resembles a protected name pass.
func partForms() []named {
	var forms []named
	for name, p := range map[string]string{
		"no name and no file name":           "Content-Disposition: form-data\r\n\r\nx",
		"only a Content-Type":                "Content-Type: text/plain\r\n\r\nx",
		"no header":                          "\r\nx",
		"two equal dispositions":             disposition("b") + "\r\n" + field("b", "x"),
		"33 header lines":                    disposition("b") + strings.Repeat("\r\nX-A: b", 33) + "\r\n\r\nx",
		"a header of 9 KiB":                  disposition("b") + "\r\nX-A: " + strings.Repeat("a", 9<<10) + "\r\n\r\nx",
		"x-name":                             `Content-Disposition: form-data; name="b"; x-name="c"` + "\r\n\r\nx",
		"name of one blank":                  `Content-Disposition: form-data; name=" "` + "\r\n\r\nx",
		"a quote before a key":               `Content-Disposition: form-data; "name="b"` + "\r\n\r\nx",
		"a name with a semicolon":            field("b;c", "x"),
		"a name in brackets":                 field("metadata[signed]", "x"),
		"a name as an encoded word":          field("=?utf-8?B?Yg==?=", "x"),
		"a folded header":                    "Content-Disposition: form-data;\r\n name=\"b\"\r\n\r\nx",
		"a transfer encoding":                disposition("b") + "\r\nContent-Transfer-Encoding: 8bit\r\n\r\nx",
		"single quotes":                      "Content-Disposition: form-data; name='b'\r\n\r\nx",
		"a value that resembles":             field("note", "signature"),
		"a value that is a header":           field("note", disposition("signature")),
		"a name that begins like one":        field("signature_note", "x"),
		"a part of mail":                     disposition("b") + "\r\nContent-Type: message/rfc822\r\n\r\nx",
		"an inner multipart":                 disposition("b") + "\r\nContent-Type: multipart/mixed; boundary=inner\r\n\r\n--inner\r\n" + disposition("c") + "\r\n\r\nx\r\n--inner--\r\n",
		"a line without a colon":             disposition("b") + "\r\nno colon\r\n\r\nx",
		"an empty name":                      field("", "x"),
		"a long s":                           field("\xc5\xbfignatures", "x"),
		"RFC 2231's name":                    "Content-Disposition: form-data; name*=utf-8''b\r\n\r\nx",
		"one word only":                      "x\r\n\r\nx",
		"blanks around the colon":            "Content-Disposition : form-data; name=\"b\"\r\n\r\nx",
		"no blanks":                          "Content-Disposition:form-data;name=\"b\"\r\n\r\nx",
		"a stale field beside":               field("signature", staleSignature),
		"stale fields of all names, crossed": field("signature", staleSignature) + "\r\n--AaB03x\r\n" + field("expire", staleExpire) + "\r\n--AaB03x\r\n" + field("UPLOADCARE_SIGNATURE", "") + "\r\n--AaB03x\r\n" + field("Expire", ""),
	} {
		forms = append(forms, named{"part with " + name, arrives, formOf(p)})
	}
	return append(forms,
		named{"no header, and a protected name", unseen, formOf("\r\n" + field("signature", staleSignature))},
		named{"no name, and a protected name", unseen, formOf("Content-Type: text/plain; name=signature\r\n\r\n" + staleSignature)},
		named{"a file without a name", refused, formOf("Content-Disposition: form-data; filename=\"b.txt\"\r\n\r\nx")},
	)
}

// fileForms: a file's name need not be understood.
func fileForms() []named {
	var forms []named
	for name, filename := range map[string]string{
		"a vertical tab": "a\vb.jpg", "a form feed": "a\fb.jpg", "DEL": "a\x7fb.jpg", "a bell": "a\x07b.jpg", "a tab": "a\tb.jpg", "ESC": "\x1b$BG-\x1b(B.jpg",
		"a last backslash": `cat\`, "a Shift_JIS name": "\x83\x5c", "a Big5 name": "\xa5\x5c", "a GBK name": "\x94\x5c", "a backslash before a quote": `a\"b.jpg`,
		"a path": `C:\pictures\cat.jpg`, "an escaped quote": "a%22b.jpg", "a raw quote": `we"ird.txt`, "two raw quotes": `"weird".txt`,
		"a semicolon": "a;b.jpg", "a comma": "a,b.jpg", "a sign": "a=b.jpg", "name=": "name=signature.png", "a protected name": "signature", "a protected name and an end": "signature.png",
		"UTF-8": "caf\xc3\xa9.jpg", "Latin-1": "caf\xe9.jpg", "an emoji": "\xf0\x9f\x98\x80.jpg", "255 characters": strings.Repeat("n", 255), "a percent": "100%.jpg", "an encoded word": "=?utf-8?B?Y2F0?=", "a slash": "a/b.jpg", "dots": "../../cat.jpg", "an NBSP": "a\xc2\xa0b.jpg",
		"0x85": "a\x85b.jpg", "an apostrophe": "a'b.jpg", "a less-than sign": "a<b>.jpg", "a parenthesis": "a(1).jpg", "an ampersand": "a&b.jpg", "the public key's name": "UPLOADCARE_PUB_KEY.txt",
	} {
		header := disposition("file") + `; filename="` + filename + `"` + "\r\nContent-Type: image/jpeg"
		forms = append(forms, named{"file name with " + name, arrives, rawForm(plainType, bodyOf(plainBoundary, plainKey, header+"\r\n\r\n"+picture))})
	}
	for name, header := range map[string]string{
		"filename twice, equal":    disposition("file") + `; filename="cat.jpg"; filename="cat.jpg"`,
		"filename twice":           disposition("file") + `; filename="cat.jpg"; filename="dog.jpg"`,
		"filename*":                disposition("file") + `; filename="cat.jpg"; filename*=utf-8''c%C3%A2t.jpg`,
		"filename* first":          disposition("file") + `; filename*=utf-8''c%C3%A2t.jpg; filename="cat.jpg"`,
		"only filename*":           disposition("file") + `; filename*=utf-8''c%C3%A2t.jpg`,
		"filename before name":     `Content-Disposition: form-data; filename="cat.jpg"; name="file"`,
		"no quotes":                `Content-Disposition: form-data; name=file; filename=cat.jpg`,
		"two equal dispositions":   disposition("file") + `; filename="cat.jpg"` + "\r\n" + disposition("file") + `; filename="cat.jpg"`,
		"40 header lines":          disposition("file") + `; filename="cat.jpg"` + strings.Repeat("\r\nX-A: b", 40),
		"a long header":            disposition("file") + `; filename="cat.jpg"` + "\r\nX-A: " + strings.Repeat("a", 9<<10),
		"a transfer encoding":      disposition("file") + `; filename="cat.jpg"` + "\r\nContent-Transfer-Encoding: binary",
		"a Content-Length":         disposition("file") + `; filename="cat.jpg"` + "\r\nContent-Length: 21",
		"a size":                   disposition("file") + `; filename="cat.jpg"; size=21`,
		"a file called signature":  disposition("signature") + `; filename="cat.jpg"` + "\r\nContent-Type: image/jpeg",
		"capitals":                 `CONTENT-DISPOSITION: FORM-DATA; NAME="file"; FILENAME="cat.jpg"`,
		"nothing but the type":     disposition("file") + `; filename="cat.jpg"`,
		"an attachment":            `Content-Disposition: attachment; name="file"; filename="cat.jpg"`,
		"a folded file name":       disposition("file") + ";\r\n filename=\"cat.jpg\"",
		"a semicolon at the end":   disposition("file") + `; filename="cat.jpg";`,
		"lines of another program": "MIME-Version: 1.0\r\nContent-ID: <a@b>\r\n" + disposition("file") + `; filename="cat.jpg"`,
	} {
		forms = append(forms, named{"file with " + name, arrives, rawForm(plainType, bodyOf(plainBoundary, plainKey, header+"\r\n\r\n"+picture))})
	}
	for _, name := range []string{"signature", "UPLOADCARE_SIGNATURE", "UPLOADCARE_PUB_KEY"} {
		for _, filename := range []string{"b;name=NAME", "b; name=NAME", "b;;name=NAME", `b"; name="NAME`, `b\"; name="NAME`, "b\\; name=NAME", "NAME;name=NAME", "'; name='NAME'"} {
			header := disposition("file") + `; filename="` + strings.ReplaceAll(filename, "NAME", name) + `"` + "\r\nContent-Type: image/jpeg"
			forms = append(forms, named{"file name that hides a name " + header, unseen, rawForm(plainType, bodyOf(plainBoundary, plainKey, header+"\r\n\r\n"+otherKey))})
		}
	}
	return append(forms,
		named{"protected names in a file's bytes", arrives, rawForm(plainType, bodyOf(plainBoundary, plainKey, disposition("file")+`; filename="a.pdf"`+"\r\nContent-Type: application/pdf\r\n\r\n"+
			"%PDF /Type/Sig /Signature /UPLOADCARE_PUB_KEY "+disposition("signature")+"\r\n\r\nx"))},
		named{"file name with a NUL", unseen, rawForm(plainType, bodyOf(plainBoundary, plainKey, disposition("file")+"; filename=\"a\x00\"; name=\"signature\"\r\nContent-Type: a/b\r\n\r\n"+picture))},
	)
}

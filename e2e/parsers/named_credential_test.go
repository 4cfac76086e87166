// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import "strings"

// hiddenForms: credentials in a doubtful place of a part's header.
func hiddenForms() []named {
	var forms []named
	for _, name := range []string{"signature", "UPLOADCARE_SIGNATURE", "expire"} {
		for _, header := range []string{
			// Keys that merely end in "name", or are spelled oddly.
			`; name="b"; name *=utf-8''NAME`, `; name="b"; name* =utf-8''NAME`, "; name=\"b\"; \xa0name*=utf-8''NAME", "; name=\"b\"; \xa0name*0=NAME", "; name=\"b\"; \xc2\xa0name=\"NAME\"", "; name=\"b\"; \xe2\x80\x83name=\"NAME\"",
			`; name="b"; ,name="NAME"`, `; =name="NAME"; name="b"`, `; name="b"; =name="NAME"`, `; ="; name=NAME"; name="b"`, `; name="b"; "name="NAME"`, `; x-name="NAME"; name="b"`, `; name="b"; x-name="NAME"`, `; name="b"; na me="NAME"`, "; name=\"b\"; na\r\n me=\"NAME\"", "; name=\"b\";\r\n name=\"NAME\"", "; name=\"b\"; name\r\n =\"NAME\"",
			`; name="b"; name*0="NAME"`, `; name*0="NAME"; name="b"`, `; name*=utf-8''NAME`, `; name*=utf-8'en'NAME`, `; name="utf-8''NAME"`, `; name="NAME;x"`, `; name="NAME;"`, `; name="x;NAME"`, `; name="b;;name=NAME"`, `; name="b;name=NAME"`, `; name="b; name=NAME"`, `; a="b;;name=NAME"; name="b"`, `; name=NAME;x`, `; name="NAME`, `; name=NAME"`, `; name='NAME'`,
			`; name="b" name="NAME"`, `; name="b",name="NAME"`, `; name="b";name="NAME"`, `; name="NAME";name="b"`, `; name="b"; 'name'="NAME"`, `; name="b"; name:"NAME"`, "; name=\"b\"; \x0bname=\"NAME\"", "; name=\"b\"; \x00name=\"NAME\"", "; name=\"b\"; name\x00=\"NAME\"", "; name=\"b\"; \x85name=\"NAME\"",
			`; name=b"; name="NAME"`, `; name="b\"; name="NAME"`, `; name="b\\"; name="NAME"`, `; a="; name="NAME"`, `; a="b;name=NAME"`, `; name=""; name="NAME"`, `; name; name="NAME"`, "; name=\"NAME\x00\"", "; name=\"NAME\x00x\"", "; name=\"NA\tME\"", "; name=\"\r\nNAME\"", "; name=\r\nNAME", `; name="=?utf-8?Q?NAME?="`, `; name=" NAME "`, "; name=\"NAME\xc2\xa0\"", `; name="\NAME"`, `; name="%4eAME"`, `; name=(x)NAME`, `, name="NAME"`, ` name="NAME"`, "\t;\tname=\"NAME\"",
		} {
			header = "Content-Disposition: form-data" + strings.ReplaceAll(header, "NAME", name)
			forms = append(forms, named{"hidden " + escape(header), unseen, formOf(header + "\r\n\r\n" + staleSignature)})
		}
		half := len(name) / 2
		for _, header := range []string{
			"Content-Disposition: form-data; name=\"" + name[:half] + "\r\n" + name[half:] + "\"", "Content-Disposition: form-data; name=\"" + name[:half] + "\r\n " + name[half:] + "\"", "Content-Disposition: form-data; name=\"" + name[:len(name)-1] + "\r\n" + name[len(name)-1:] + "\"", "Content-Disposition: form-data; na\r\nme=\"NAME\"", "Content-Disposition: form-data;\r\nname=\"NAME\"", "Content-Disposition: form-\r\ndata; name=\"NAME\"",
			"Content-Disposition: file; name=\"b;;name=NAME\"", "Content-Disposition: file; name=\"b;name=NAME\"", "Content-Disposition: file; name=\"b; name=NAME\"", "Content-Disposition: attachment; a=\"b;name=NAME\"",
			"Content-Disposition: attachment; name=\"NAME\"", "Content-Disposition: name=\"NAME\"", "Content-Disposition : form-data; name=\"NAME\"", " Content-Disposition: form-data; name=\"NAME\"", "Content-Disposition: \"form-data\"; name=\"NAME\"", "X: y\r\n Content-Disposition: form-data; name=\"NAME\"",
			"Content-Disposition: form-data; name=\"b\"\r\nContent-Disposition: form-data; name=\"NAME\"", "Content-Disposition: form-data; name=\"NAME\"\r\nContent-Disposition: form-data; name=\"b\"", "X: \nContent-Disposition: form-data; name=\"NAME\"", "X: \rContent-Disposition: form-data; name=\"NAME\"", "\nContent-Disposition: form-data; name=\"NAME\"",
			"Content-Disposition\x00: form-data; name=\"NAME\"", "Content-Disposition: form-data, form-data; name=\"NAME\"", "Content-Type: text/plain; name=\"NAME\"", "Content-Disposition:form-data;name=NAME", "\xef\xbb\xbfContent-Disposition: form-data; name=\"NAME\"",
		} {
			header = strings.ReplaceAll(header, "NAME", name)
			forms = append(forms, named{"hidden " + escape(header), unseen, formOf(header + "\r\n\r\n" + staleSignature)})
		}
	}
	return forms
}

// hiddenFileForms: files called like a credential, in a header that makes some
// parsers take them for fields.
func hiddenFileForms() []named {
	var forms []named
	for _, name := range []string{"signature", "UPLOADCARE_EXPIRE"} {
		for _, header := range []string{
			`; name="NAME"; filename="x"`, `;name="NAME";filename="x"`, `; name=NAME; filename=x`, `; name="NAME"; filename=""`, `; name="NAME"; filename=`, `; name="NAME"; filename`, `; name="NAME"; filename="/"`, `; name="NAME"; filename="//"`, `; name="NAME"; filename="\"`, `; name="NAME"; filename="a/"`,
			`; filename="x"; name="NAME"`, `; filename=""; name="NAME"`, `; name="NAME"; filename*=utf-8''x`, `; name="NAME"; filename*=utf-8''`, `; name="NAME"; filename =x`, `; name="NAME"; "filename"="x"`, `; name="NAME"; x-filename="x"`, `; name="NAME"; filename*0=x`, `; name="NAME" filename="x"`, `; name="NAME",filename="x"`, `; name="NAME"; filename="`, "; name=\"NAME\"; filename=\"\x00\"",
		} {
			for _, contentType := range []string{"", "\r\nContent-Type: text/plain", "\r\nContent-Type:"} {
				text := "Content-Disposition: form-data" + strings.ReplaceAll(header, "NAME", name) + contentType
				forms = append(forms, named{"file " + escape(text), unseen, formOf(text + "\r\n\r\n" + staleSignature)})
			}
		}
	}
	return forms
}

// encodedForms: crossing out does not make a form unreadable.
func encodedForms() []named {
	inner := func(header, name string) string {
		return "\r\n\r\n--inner\r\n" + header + name + "\r\n\r\n" + staleSignature + "\r\n--inner--\r\n"
	}
	var forms []named
	for name, p := range map[string]string{
		"base64":                         disposition("signature") + "\r\nContent-Transfer-Encoding: base64\r\n\r\nb2xk",
		"base64 of an odd length":        disposition("signature") + "\r\nContent-Transfer-Encoding: base64\r\n\r\nb2xkcg==",
		"not really base64":              disposition("signature") + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + staleSignature,
		"not at all base64":              disposition("expire") + "\r\nContent-Transfer-Encoding: base64\r\n\r\n!!",
		"quoted-printable":               disposition("signature") + "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=6fld",
		"uuencode":                       disposition("signature") + "\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nold",
		"a multipart of its own":         disposition("signature") + "\r\nContent-Type: multipart/mixed; boundary=inner" + inner("Content-Disposition: file; filename=\"x\"", ""),
		"a multipart with a field":       disposition("signature") + "\r\nContent-Type: multipart/form-data; boundary=inner" + inner(disposition("signature"), ""),
		"another's multipart":            disposition("b") + "\r\nContent-Type: multipart/mixed; boundary=inner" + inner(disposition("signature"), ""),
		"a file's multipart":             disposition("file2") + `; filename="x"` + "\r\nContent-Type: multipart/mixed; boundary=inner" + inner(disposition("signature"), ""),
		"a boundary behind a bracket":    disposition("b") + "\r\nContent-Type: multipart/mixed;]boundary=inner; x=y" + inner(disposition("signature"), ""),
		"a multipart of capitals":        disposition("b") + "\r\nCONTENT-TYPE: MULTIPART/MIXED; BOUNDARY=\"inner\"" + inner(disposition("expire"), ""),
		"a multipart without a boundary": disposition("signature") + "\r\nContent-Type: multipart/mixed\r\n\r\n" + staleSignature,
		"a type":                         disposition("signature") + "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + staleSignature,
		"a charset that hides ASCII":     disposition("signature") + "\r\nContent-Type: text/plain; charset=utf-16\r\n\r\n" + staleSignature,
		"a urlencoded part":              disposition("b") + "\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nsignature=" + staleSignature,
	} {
		forms = append(forms, named{"stale with " + name, unseen, formOf(p)})
	}
	return forms
}

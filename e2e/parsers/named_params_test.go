// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import "strings"

func urlencoded(contentType, body string) request {
	return request{path: "/from_url/", contentType: []string{contentType}, body: []byte(body)}
}

// paramForms: urlencoded bodies and queries.
func paramForms() []named {
	const params = "application/x-www-form-urlencoded"
	var forms []named
	for _, contentType := range []string{params, params + "; charset=UTF-8", params + ";charset=utf-8", params + "; x", params + ";", params + "; charset=", "APPLICATION/X-WWW-FORM-URLENCODED", params + "; a=b=c", params + " ; charset=\"utf-8\"", params + "; boundary=x", params + "; charset=windows-31j"} {
		forms = append(forms, named{"parameters of " + contentType, arrives, urlencoded(contentType, "pub_key="+publicKey+"&source_url=https%3A%2F%2Fexample.com%2F%3Fsignature%3Dx&signature="+staleSignature)})
	}
	for _, contentType := range []string{params + "; charset=utf-16", params + "; charset=utf-7", params + "; charset=ibm037"} {
		forms = append(forms, named{"parameters of " + contentType, refused, urlencoded(contentType, "pub_key="+publicKey)})
	}
	for _, text := range []string{
		"a=%zz", "a=%", "a=%u0041", "a;b=c", "a", "=", "a=b=c", "", "a+b=c+d", "tags[]=1", "tags%5B%5D=1", "%00=a", "caf%E9=1", "signature_note=1", "a=%3Bsignature%3Dx",
	} {
		forms = append(forms, named{"parameter " + text, arrives, urlencoded(params, "pub_key="+publicKey+"&"+text+"&source_url=x")})
	}
	for _, name := range []string{"signature", "expire", "UPLOADCARE_SIGNATURE"} {
		percent := func(format string) string {
			return map[string]string{"signature": "s", "expire": "e", "UPLOADCARE_SIGNATURE": "U"}[name] + format
		}
		hex := map[string]string{"signature": "73", "expire": "65", "UPLOADCARE_SIGNATURE": "55"}[name]
		for _, text := range []string{
			name + "=old", "%" + hex + name[1:] + "=old", "%u00" + hex + name[1:] + "=old", "%U00" + hex + name[1:] + "=old", name + "%00=old", name + "%20=old", "+" + name + "=old", name + "[]=old", name + "%5B%5D=old", name + "[a]=old", strings.ToUpper(name) + "=old",
			string([]byte{name[0] | 0x80}) + name[1:] + "=old", name[:4] + string([]byte{name[4] | 0x80}) + name[5:] + "=", "a=b\xa6" + name + "=old", "a\xbb\xa5" + hex + name[1:] + "\xbdold",
			"a=b;" + name + "=old", name + "=old;a=b", "a;" + name + "=old", ";" + name + "=old", name + ";=old", "a=%zz;" + name + "=old", name + "%3D=old", "%25" + hex + name[1:] + "=old", name + "=old&" + name + "=older", percent("%") + name[1:] + "=old", "?" + name + "=old", "?+" + name + "=old", name + ".=old", name + "%0A=old", "\x00" + name + "=old", name + "=%zz", "%0d%0a" + name + "=old", name, name + "%6=old", name + "%9=old",
		} {
			forms = append(forms, named{"stale parameter " + escape(text), unseen, urlencoded(params, text+"&pub_key="+publicKey+"&source_url=x")})
			query := request{method: "GET", path: "/from_url/", query: queryOf("pub_key=" + publicKey + "&" + text + "&source_url=x")}
			forms = append(forms, named{"stale parameter of a query " + escape(text), unseen, query})
		}
	}
	return forms
}

// secondKeyForms: contradicting public keys, under every spelling.
func secondKeyForms() []named {
	var forms []named
	for _, name := range []string{"UPLOADCARE_PUB_KEY", "pub_key"} {
		for _, p := range []string{
			field("NAME", otherKey), field("NAME ", otherKey), field(" NAME", otherKey), field("NAME\t", otherKey), field("NAME;x", otherKey), field("x;NAME", otherKey), field("NAME[]", otherKey), field("NAME\x00", otherKey), field("%NAME", otherKey), field("\r\nNAME", otherKey), "Content-Disposition: form-data; name=\"UPLOADCARE\r\n_PUB_KEY\"\r\n\r\n" + otherKey,
			"Content-Disposition: form-data; name=\"b\"; name=\"NAME\"\r\n\r\n" + otherKey, "Content-Disposition: form-data; name*=utf-8''NAME\r\n\r\n" + otherKey, "Content-Disposition: form-data; x-name=\"NAME\"\r\n\r\n" + otherKey, "Content-Disposition: form-data; name=\"b\"; \xc2\xa0name=\"NAME\"\r\n\r\n" + otherKey,
			disposition("NAME") + "; filename=\"x\"\r\n\r\n" + otherKey, disposition("NAME") + "\r\nContent-Transfer-Encoding: base64\r\n\r\nb3RoZXJwdWJsaWNrZXk=", disposition("NAME") + "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=6ftherpublickey",
			disposition("b") + "\r\nContent-Type: multipart/mixed; boundary=inner\r\n\r\n--inner\r\n" + field("NAME", otherKey) + "\r\n--inner--\r\n",
		} {
			p = strings.ReplaceAll(p, "NAME", name)
			forms = append(forms, named{"second key in a part " + escape(p), unseen, formOf(p)})
		}
		forms = append(forms, named{"second key, plain, of a part " + name, refused, formOf(field(name, otherKey))})
		for _, text := range []string{
			"a\xa6NAME=KEY", "NAME\xbdKEY", "\xbfNAME=KEY",
			"NAME=KEY", "NAME+=KEY", "+NAME=KEY", "NAME%09=KEY", "a;NAME=KEY", "a=b;NAME=KEY", "NAME=KEY%zz", "NAME=%zzKEY", "NAME[]=KEY", "NAME%5B%5D=KEY", "NAME%00=KEY", "%u0070ub_key=KEY", "a=%zz&NAME=KEY", "NAME=KEY;x", "NAME=%u0041", "NAME=KEY%6", "NAME=KEY%9", "NAME%6=KEY", "NAME%9=KEY",
		} {
			text = strings.NewReplacer("NAME", name, "KEY", otherKey).Replace(text)
			forms = append(forms,
				named{"second key in a parameter " + escape(text), unseen, urlencoded("application/x-www-form-urlencoded", "pub_key="+publicKey+"&"+text+"&source_url=x")},
				named{"second key in a parameter before " + escape(text), unseen, urlencoded("application/x-www-form-urlencoded", text+"&source_url=x&pub_key="+publicKey)},
				named{"second key in a query " + escape(text), unseen, request{method: "GET", path: "/from_url/", query: "pub_key=" + publicKey + "&" + text + "&source_url=x"}},
			)
			withQuery := formOf()
			withQuery.query = text
			forms = append(forms, named{"second key in a form's query " + escape(text), unseen, withQuery})
		}
	}
	many := strings.Repeat("a=1&", 10_001)
	return append(forms,
		named{"second key behind 10,001 parameters", unseen, urlencoded("application/x-www-form-urlencoded", "pub_key="+publicKey+"&"+many+"pub_key="+otherKey)},
		named{"stale behind 10,001 parameters", unseen, urlencoded("application/x-www-form-urlencoded", "pub_key="+publicKey+"&"+many+"signature="+staleSignature)},
		named{"the same key twice", arrives, formOf(field("pub_key", publicKey))},
		named{"an empty second key", arrives, formOf(field("pub_key", ""))},
	)
}

// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import "strings"

// headerEnd ends a part's header. It belongs to the templates.
const headerEnd = "\r\n\r\n"

// templates are what is changed of requests with a client's credential.
func templates() []template {
	credential := func(text string) request { return formOf(text + staleSignature) }
	file := func(text string) request {
		return rawForm(plainType, bodyOf(plainBoundary, plainKey, field("signature", staleSignature), text+picture))
	}
	return []template{
		{"a credential, quoted", disposition("signature") + headerEnd, credential},
		{"a credential, not quoted", "Content-Disposition: form-data; name=expire" + headerEnd, credential},
		{"a credential, extended", "Content-Disposition: form-data; name*=utf-8''signature" + headerEnd, credential},
		{"a credential with a type", disposition("UPLOADCARE_EXPIRE") + "\r\nContent-Type: text/plain" + headerEnd, credential},
		{"a credential behind a field's name", disposition("b") + "; x=\"signature\"" + headerEnd, credential},
		{"a file of a credential's name", disposition("signature") + `; filename="a"` + headerEnd, credential},
		{"a file", disposition("file") + `; filename="a.jpg"` + "\r\nContent-Type: image/jpeg" + headerEnd, file},
		{"a file, extended", disposition("file") + "; filename*=utf-8''a.jpg" + headerEnd, file},
		{"the public key", disposition("UPLOADCARE_PUB_KEY") + headerEnd, func(text string) request {
			return rawForm(plainType, bodyOf(plainBoundary, text+publicKey, field("signature", staleSignature), plainFile))
		}},
		{"a delimiter", "\r\n--" + plainBoundary + "\r\n", func(text string) request {
			body := string(formOf(field("signature", staleSignature)).body)
			return rawForm(plainType, strings.Replace(body, staleSignature+"\r\n--"+plainBoundary+"\r\n", staleSignature+text, 1))
		}},
		{"a form's Content-Type", plainType, func(text string) request {
			form := formOf(field("signature", staleSignature))
			form.contentType = []string{httpValue(text)}
			return form
		}},
		{"a urlencoded body", "a=b&signature=" + staleSignature + "&expire=1&c=d", func(text string) request {
			return urlencoded("application/x-www-form-urlencoded", "pub_key="+publicKey+"&"+text+"&source_url=x")
		}},
		{"a query", "a=b&signature=" + staleSignature + "&expire=1&c=d", func(text string) request {
			return request{method: "GET", path: "/from_url/", query: queryOf("pub_key=" + publicKey + "&" + text + "&source_url=x")}
		}},
	}
}

// fieldTemplates are what is changed of requests with a field that a policy knows.
func fieldTemplates(name string) []template {
	part := func(text string) request { return formOf(text + forged) }
	escaped := strings.NewReplacer("[", "%5B", "]", "%5D").Replace(name)
	return []template{
		{name + ", quoted", disposition(name) + headerEnd, part},
		{name + ", not quoted", "Content-Disposition: form-data; name=" + name + headerEnd, part},
		{name + ", extended", "Content-Disposition: form-data; name*=utf-8''" + escaped + headerEnd, part},
		{name + ", in a urlencoded body", "a=b&" + escaped + "=" + forged + "&c=d", func(text string) request {
			return urlencoded("application/x-www-form-urlencoded", "pub_key="+publicKey+"&"+text)
		}},
		{name + ", in a query", "a=b&" + escaped + "=" + forged + "&c=d", func(text string) request {
			query := queryOf("pub_key=" + publicKey + "&" + text)
			// Some servers end a query at a number sign. It leaves escaped, for which the fixture is too simple.
			return request{method: "GET", path: "/from_url/", query: strings.ReplaceAll(query, "#", "%23")}
		}},
	}
}

// httpValue returns text as it can arrive in a header: net/http refuses control
// characters before the gateway, and trims blanks.
func httpValue(text string) string {
	value := []byte(text)
	for i, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			value[i] = ' '
		}
	}
	return strings.Trim(string(value), " \t")
}

// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import "strings"

// endForms: what follows the closing delimiter, and forms without one.
func endForms() []named {
	closed := strings.TrimSuffix(bodyOf(plainBoundary, plainKey, plainFile), "\r\n")
	open := strings.TrimSuffix(closed, "--")
	hidden := "--AaB03x\r\n" + field("signature", staleSignature) + "\r\n"
	var forms []named
	for name, after := range map[string]string{
		"nothing": "", "CRLF": "\r\n", "two CRLF": "\r\n\r\n", "LF": "\n", "a NUL": "\x00", "CRLF and a NUL": "\r\n\x00", "a blank": " ", "a blank and CRLF": " \r\n", "a tab": "\t\r\n",
		"a second close": "\r\n--AaB03x--\r\n", "a second close without CRLF": "\r\n--AaB03x--", "a sentence": "\r\nThis is the epilogue.\r\n",
		"2 KiB": "\r\n" + strings.Repeat("e", 2<<10), "60 KiB": "\r\n" + strings.Repeat("e", 60<<10), "blanks": strings.Repeat(" ", 100),
	} {
		forms = append(forms, named{"after the close " + name, arrives, rawForm(plainType, closed+after)})
	}
	for name, after := range map[string]string{
		"a part": "\r\n" + hidden, "a part and a close": "\r\n" + hidden + "--AaB03x--\r\n", "a part at once": hidden, "70 KiB": strings.Repeat("e", 70<<10),
		"a part behind LF": "\n" + strings.ReplaceAll(hidden, "\r\n", "\n"),
	} {
		want := unseen
		if name == "a part and a close" || name == "a part" {
			want = refused
		}
		forms = append(forms, named{"after the close " + name, want, rawForm(plainType, closed+after)})
	}
	for name, tokens := range map[string]bool{"scheme signature": false, "scheme token": true} {
		for _, chunked := range []bool{false, true} {
			framing := map[bool]string{false: "with a length", true: "chunked"}[chunked]
			ends := map[string]string{"CRLF": "\r\n"}
			if chunked {
				ends["nothing"], ends["LF"] = "", "\n"
			}
			for end, text := range ends {
				client := rawForm(plainType, open+text)
				client.tokens, client.chunked = tokens, chunked
				forms = append(forms, named{"no dashes but " + end + " at the end, " + framing + ", " + name, arrives, client})
			}
		}
	}
	return append(forms,
		named{"no dashes at the end, with a length", refused, rawForm(plainType, open)},
		named{"no dashes but LF at the end, with a length", refused, rawForm(plainType, open+"\n")},
		named{"no closing delimiter", refused, rawForm(plainType, strings.TrimSuffix(open, "--AaB03x"))},
		named{"ends in a file", refused, rawForm(plainType, open[:len(open)-20])},
		named{"a CRLF as preamble", arrives, rawForm(plainType, "\r\n"+closed)},
		named{"a sentence as preamble", arrives, rawForm(plainType, "This is the preamble.\r\n"+closed)},
	)
}

// keyForms: the public key is found with blanks around it.
func keyForms() []named {
	var forms []named
	for name, value := range map[string]string{
		"CRLF behind": publicKey + "\r\n", "LF behind": publicKey + "\n", "a blank behind": publicKey + " ", "a blank before": " " + publicKey, "blanks around": " \t" + publicKey + "\t ", "CRLF before": "\r\n" + publicKey,
	} {
		forms = append(forms, named{"public key with " + name, arrives, rawForm(plainType, bodyOf(plainBoundary, field("UPLOADCARE_PUB_KEY", value), plainFile))})
	}
	for _, encoding := range []string{"8bit", "7bit", "binary", "none", "quoted-printable", "BINARY", "utf-8", ""} {
		p := disposition("UPLOADCARE_PUB_KEY") + "\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n" + publicKey
		forms = append(forms, named{"public key with transfer encoding " + encoding, arrives, rawForm(plainType, bodyOf(plainBoundary, p, plainFile))})
	}
	for _, lines := range []string{"Content-Type: text/plain", "Content-Type: text/plain; charset=UTF-8", "Content-Length: 13", "Content-Type: text/plain\r\nContent-Transfer-Encoding: 8bit"} {
		p := disposition("UPLOADCARE_PUB_KEY") + "\r\n" + lines + "\r\n\r\n" + publicKey
		forms = append(forms, named{"public key with " + lines, arrives, rawForm(plainType, bodyOf(plainBoundary, p, plainFile))})
	}
	params := func(body string) request {
		return request{path: "/from_url/", contentType: []string{"application/x-www-form-urlencoded"}, body: []byte(body)}
	}
	return append(forms,
		named{"public key with a line end, urlencoded", arrives, params("pub_key=" + publicKey + "%0D%0A&source_url=x")},
		named{"public key with a blank, urlencoded", arrives, params("source_url=x&pub_key=+" + publicKey + "+")},
	)
}

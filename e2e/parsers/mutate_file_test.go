// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"encoding/base64"
	"strings"
)

// staleFile makes a part with a credential's name that is a file to some.
func (g *grammar) staleFile(name, value string) part {
	filename := g.one(`filename="x"`, `filename="x"`, `filename=""`, "filename=", "filename", "filename=x", `filename="/"`, `filename="\"`, `filename="a/"`, `filename="C:\"`, `filename*=utf-8''x`, `filename*=""`, `filename*=utf-8''`, `filename*0="x"`, `filename =x`, `"filename"="x"`, `x-filename="x"`, `filename=" "`, `filename="."`, "filename=\"\x00\"", `FILENAME="x"`, `filename="x`, `filename=''`)
	separator := g.one("; ", "; ", ";", " ; ", ";\t", ",", " ", "; ;")
	key := `name="` + name + `"`
	if g.chance(30) {
		key = "name=" + name
	}
	header := "Content-Disposition: form-data" + g.one("; ", "; ", ";") + key + separator + filename
	if g.chance(25) {
		header = "Content-Disposition: form-data" + g.one("; ", "; ", ";") + filename + separator + key
	}
	header += g.one("", "\r\nContent-Type: image/png", "\r\nContent-Type: application/octet-stream", "\r\nContent-Type: text/plain", "\r\nContent-Type:", "\r\nContent-Type: text/plain; charset=utf-8", "\r\nContent-Type: x", "\r\nX: y")
	g.did("stale file %q", header)
	return part{header, value}
}

// staleEncoded makes a stale field that some decode.
func (g *grammar) staleEncoded(name, value string) part {
	var p part
	switch g.IntN(4) {
	case 0:
		p = part{disposition(name) + "\r\nContent-Transfer-Encoding: " + g.one("base64", "BASE64", "base64 "), g.one(base64.StdEncoding.EncodeToString([]byte(value)), value, "=", "!!!")}
	case 1:
		p = part{disposition(name) + "\r\nContent-Transfer-Encoding: quoted-printable", strings.ReplaceAll(value, "4", "=34")}
	case 2:
		p = g.inner(name, value, disposition(g.one(name, "b", "file"))+g.one("", `; filename="x"`))
	default:
		p = part{disposition(name) + "\r\nContent-Type: " + g.one("text/plain", "text/plain; charset=utf-16", "application/json", "text/plain; charset=utf-7", "application/x-www-form-urlencoded", "message/rfc822", "multipart/mixed"), value}
	}
	g.did("stale encoded %q", p.header)
	return p
}

// inner makes a part whose content is a multipart of its own.
func (g *grammar) inner(name, value, header string) part {
	kind := g.one("multipart/mixed", "multipart/form-data", "Multipart/Mixed", "multipart/related")
	innerHeader := g.one(disposition(name), `Content-Disposition: file; filename="x"`, `Content-Disposition: attachment; name="`+name+`"; filename="y"`)
	return part{
		header + "\r\nContent-Type: " + kind + g.one("; boundary=inner", `; boundary="inner"`, "; BOUNDARY=inner", ";boundary=inner; x=y"),
		"--inner\r\n" + innerHeader + "\r\n\r\n" + value + "\r\n--inner--\r\n",
	}
}

func (g *grammar) secondKey() part {
	name := g.one("UPLOADCARE_PUB_KEY", "pub_key")
	header := g.one(disposition(name), disposition(g.spelling(name)), disposition(g.spelling(name)), g.hidden(name), g.hidden(name))
	value := g.one(otherKey, otherKey, otherKey, publicKey, "")
	g.did("second key %q %q", header, value)
	return part{header, value}
}

func (g *grammar) filename() string {
	if g.chance(60) {
		return "cat.jpg"
	}
	name := g.one(`C:\x\cat.jpg`, `cat\`, "\x83\x5c", "\x1b$B\x33\x1b(B", "name=signature.png", "name=signature", `a;b`, `we"ird.txt`, `we\"ird.txt`, `%22`, "%0d%0a", "a\x0bb", "a\x7fb", "a\x01b", "", " ", "/", "../x", "signature", "expire", "caf\xe9", "caf\xc3\xa9", "\xf0\x9f\x98\x80", "=?utf-8?B?Y2F0?=", "a&b", "a'b", "a,b", "a=b", strings.Repeat("n", 300), `"; name="signature`, `x"; name="signature`, `signature";name="`, "a\tb", "a\r\n b", "a\x00b", "a\nb", "a\rb", "; signature", ".", `\\`, `\"`, `"`, "UPLOADCARE_PUB_KEY", "filename=x", `a\";b`, "\x85\x5c")
	g.did("file name %q", name)
	return name
}

func (g *grammar) file() part {
	filename := g.filename()
	name := "file"
	if g.chance(6) {
		name = g.one("signature", "expire", "UPLOADCARE_SIGNATURE", "file[]", "files.a", "fi le", "")
		g.did("file called %q", name)
	}
	header := `Content-Disposition: form-data; name="` + name + `"; filename="` + filename + `"`
	if g.chance(15) {
		header = g.one(
			`Content-Disposition: form-data; name=`+name+`; filename=`+filename,
			`content-disposition: form-data;name="`+name+`";filename="`+filename+`"`,
			`Content-Disposition: form-data; filename="`+filename+`"; name="`+name+`"`,
			`Content-Disposition: form-data; name="`+name+`"; filename="`+filename+`"; filename*=utf-8''`+filename,
			`Content-Disposition: form-data; name="`+name+`"; filename*=utf-8''x%20y`,
			`Content-Disposition: form-data; name="`+name+`"; filename="`+filename+`"; filename="`+filename+`"`,
			`Content-Disposition: form-data; name="`+name+`"; filename="`+filename+`"; size=3`,
			`Content-Disposition: attachment; name="`+name+`"; filename="`+filename+`"`,
			"Content-Disposition: form-data; name=\""+name+"\";\r\n filename=\""+filename+"\"",
			`Content-Disposition: form-data; filename="`+filename+`"`,
		)
		g.did("file header %q", header)
	}
	if g.chance(88) {
		header += "\r\nContent-Type: " + g.one("image/jpeg", "image/jpeg", "application/octet-stream", "text/plain", "application/pdf", "text/plain; charset=utf-8")
	}
	if g.chance(8) {
		extra := g.one("\r\nContent-Transfer-Encoding: binary", "\r\nContent-Length: 3", "\r\nContent-Transfer-Encoding: base64", "\r\nContent-Type: multipart/mixed; boundary=inner", "\r\nContent-ID: <a>", strings.Repeat("\r\nX-A: b", 40), "\r\nX-Long: "+strings.Repeat("a", 9000), "\r\nContent-Transfer-Encoding: none", "\r\nMIME-Version: 1.0", "\r\nX: signature", "\r\nContent-Disposition: form-data; name=\"signature\"", "\r\n"+header)
		g.did("file with %.60q", extra)
		header += extra
	}
	return part{header, g.fileContent()}
}

// fileContent is what parsers get wrong, and credentials that are none.
func (g *grammar) fileContent() string {
	if g.chance(50) {
		return "\xff\xd8\xff\xe0 a picture \x00\x01\x02"
	}
	var content strings.Builder
	for range 1 + g.IntN(5) {
		content.WriteString(g.one("\r\n", "\r", "\n", "--", "\r\n--", "-", "\x00", "/Signature", "signature=x&", "\xff\xfe", disposition("signature"), "\r\n\r\n", "name=\"expire\"", strings.Repeat("z", 700), "PK\x03\x04", "\r\n--AaB0", "=3D", "%u0073"))
	}
	return content.String()
}

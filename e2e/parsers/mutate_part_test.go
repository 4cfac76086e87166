// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"fmt"
	"strings"
)

// disposition returns an ordinary header of a field.
func disposition(name string) string {
	return `Content-Disposition: form-data; name="` + name + `"`
}

func (g *grammar) publicKey() part {
	p := part{disposition("UPLOADCARE_PUB_KEY"), publicKey}
	if !g.chance(20) {
		return p
	}
	p.header = disposition(g.one("UPLOADCARE_PUB_KEY", "UPLOADCARE_PUB_KEY", "pub_key"))
	p.content = g.one("", "\r\n", " ", "\n", "\t") + publicKey + g.one("", "\r\n", " ", "\n", "  ")
	p.header += g.one("", "", "\r\nContent-Type: text/plain", "\r\nContent-Type: text/plain; charset=UTF-8",
		"\r\nContent-Transfer-Encoding: 8bit", "\r\nContent-Transfer-Encoding: quoted-printable", "\r\nContent-Transfer-Encoding: binary",
		"\r\nContent-Transfer-Encoding: base64", "\r\nContent-Length: 13")
	g.did("public key %q %q", p.header, p.content)
	return p
}

// spellings are of a name which some server or other takes for it.
func (g *grammar) spelling(name string) string {
	switch g.IntN(14) {
	case 0:
		return strings.ToUpper(name)
	case 1:
		return name + g.one(" ", "\t", "  ", ".", "[]", "[a]", "[", "]", "\x00", "\x00x", ";x", ";", "%00", "=x", "&x", "\xc2\xa0", "\\", "\"", "'")
	case 2:
		return g.one(" ", "\t", ".", "%20", "\\", "\xc2\xa0", "\xef\xbb\xbf", "utf-8''", "'", "x;", "[", "\x00") + name
	case 3:
		i := 1 + g.IntN(len(name)-1)
		return name[:i] + g.one("\\", "%", " ", "\r\n ", "\x00", "\"\"", ".", "_") + name[i:]
	case 4:
		i := g.IntN(len(name))
		return name[:i] + fmt.Sprintf("%%%02x", name[i]) + name[i+1:]
	case 5:
		i := g.IntN(len(name))
		return name[:i] + "\\" + name[i:]
	case 6:
		return g.one("=?utf-8?B?c2lnbmF0dXJl?=", "=?utf-8?Q?"+name+"?=", "=?us-ascii?q?"+name+"?=")
	default:
		return name
	}
}

func (g *grammar) staleName() (name, value string) {
	if g.chance(65) {
		return g.one("signature", "signature", "signature", "UPLOADCARE_SIGNATURE"), staleSignature
	}
	return g.one("expire", "expire", "UPLOADCARE_EXPIRE"), staleExpire
}

// separators stand before a key in a header.
func (g *grammar) separator() string {
	return g.one("; ", "; ", "; ", ";", " ;", "; ;", ";;", ",", ", ", " ", "\t", ";\t", ";\xa0", "; \xc2\xa0", ";\xe2\x80\x83", ";\x85", ";\r\n ", ";\r\n\t", "\r\n ;", ";\x0b", ";\x0c", ";\x00", "; \"", "; '", "; x-", "; x", ";\x1f", "; ,", "; =", ": ", "; \\", "; *", "; filename=x")
}

// key returns a spelling of the key `name` with its sign.
func (g *grammar) key() string {
	return g.one("name=", "name=", "name=", "name=", "NAME=", "Name=", "name =", "name\t=", "name= ", "name*=", "name *=", "name* =", "name*0=", "name*0*=", "name*1=",
		"na me=", "na\r\n me=", "name\r\n =", "name=\r\n ", `"name"=`, `name"=`, "'name'=", "name\x00=", "name\xa0=", "name==", "name:", "name;=", "n\x00ame=", "name\\=", "name[]=", "name.=", "names=", "fname=")
}

func (g *grammar) value(name string) string {
	return g.one(`"`+name+`"`, `"`+name+`"`, `"`+name+`"`, name, name, "'"+name+"'", "utf-8''"+name, `"utf-8''`+name+`"`, `""`+name+`""`, `"`+name, name+`"`, `\"`+name+`\"`, `"`+name+`";`, `"`+name+`" x`, `"`+name+`"x`,
		`x"`+name+`"`, "=?utf-8?Q?"+name+"?=", `"\`+name+`"`, "utf-8'en'"+name, "iso-8859-1''"+name, `" `+name+` "`, `"`+name+`\"`, `(x)`+name, `"x"`+`"`+name+`"`, "\t"+name)
}

// hidden makes a header in which a name stands in a doubtful place.
func (g *grammar) hidden(name string) string {
	name = g.spelling(name)
	parameter := g.key() + g.value(name)
	start := g.one("Content-Disposition: form-data", "Content-Disposition: form-data", "Content-Disposition: form-data", "Content-Disposition: form-data", "content-disposition:form-data", "CONTENT-DISPOSITION: FORM-DATA",
		"Content-Disposition : form-data", " Content-Disposition: form-data", "Content-Disposition:\tform-data", "Content-Disposition: attachment", "Content-Disposition: ", "Content-Disposition: \"form-data\"", "Content-Disposition:\r\n form-data",
		"X: y\r\nContent-Disposition: form-data", "Content-Disposition\t: form-data", "Content-Disposition\x00: form-data", "Content-Disposition: form-data\x00", "Content-Disposition: form-data, form-data", "\xef\xbb\xbfContent-Disposition: form-data", "Content_Disposition: form-data", "Content-Disposition: file", "\nContent-Disposition: form-data", "X\rContent-Disposition: form-data", "X: \nContent-Disposition: form-data", "X: y\r\n Content-Disposition: form-data", "Content-Disposition: x; form-data")
	switch g.IntN(6) {
	case 0, 1: // beside a decoy
		decoy := g.one(`; name="b"`, "; name=b", `; name=""`, `; filename=""`, "; filename=", `; name="b;`, `; name="b\"`, `; name="b\\"`, `; a="`, `; a=";"`, `; filename*=utf-8''`, `; name*=utf-8''b`, "; name", `; name="b`, "; name='b'")
		if g.chance(70) {
			return start + decoy + g.separator() + parameter
		}
		return start + g.separator() + parameter + decoy
	case 2: // in a second line
		return g.one(disposition("b")+"\r\n"+start+g.separator()+parameter, start+g.separator()+parameter+"\r\n"+disposition("b"))
	default:
		return start + g.separator() + parameter
	}
}

func (g *grammar) stale() part {
	name, value := g.staleName()
	switch percent := g.IntN(100); {
	case percent < 25:
		return part{disposition(name), value}
	case percent < 40:
		p := part{disposition(g.spelling(name)), value}
		g.did("stale %q", p.header)
		return p
	case percent < 75:
		p := part{g.hidden(name), value}
		g.did("stale %q", p.header)
		return p
	case percent < 90:
		return g.staleFile(name, value)
	default:
		return g.staleEncoded(name, value)
	}
}

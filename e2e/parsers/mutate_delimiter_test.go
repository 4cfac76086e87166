// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"slices"
	"strings"
)

// contentType returns a boundary and the header that says it.
func (g *grammar) contentType() (boundary string, header []string) {
	boundary = g.one("AaB03x", "AaB03x", "----WebKitFormBoundary7MA4YWxk", "------------------------d74496d66958873e")
	if g.chance(12) {
		boundary = g.one("*****", "===ms===", "a/b", "a:b", "b$c", "a?b", "a&b", "a#b", "a b", "--", "-", "z", "boundary", "boundary=", "boundary=x", "a,b", "----a,b", "(x)", "a+b", "a'b", "'ab'", "a%20b", "a@b", "[x]", "{x}", "a;b", "a|b~c^d`e", "<x>", strings.Repeat("b", 70), strings.Repeat("b", 71), strings.Repeat("0123456789", 20), strings.Repeat("b", 201), "AaB03x--", "a=b", "name=signature")
		g.did("boundary %q", boundary)
	}
	value := "multipart/form-data; boundary=" + boundary
	if strings.ContainsAny(boundary, "()<>@,;:/[]?={} ") && g.chance(70) || g.chance(10) {
		value = `multipart/form-data; boundary="` + boundary + `"`
	}
	if !g.chance(14) {
		return boundary, []string{value}
	}
	header = []string{g.mutateContentType(boundary, value)}
	if g.chance(15) {
		header = append(header, g.one(value, value, header[0], "multipart/form-data", "text/plain", "multipart/form-data; boundary=other", "application/x-www-form-urlencoded"))
	}
	g.did("Content-Type %q", header)
	return boundary, header
}

func (g *grammar) mutateContentType(boundary, value string) string {
	parameter := strings.TrimPrefix(value, "multipart/form-data; ")
	switch g.IntN(8) {
	case 0:
		return g.one("multipart/form-data;", "multipart/form-data ; ", "Multipart/Form-Data; ", "MULTIPART/FORM-DATA; ", "multipart/form-data, ", "multipart/form-data ", "multipart/form-data;\t", "multipart/form-data;; ", "multipart/form-data;\xa0", " multipart/form-data; ", "multipart/mixed; ", "multipart/form-data;,", ",multipart/form-data; ", "multipart/form-data; x; multipart/form-data; ", "multipart/form-data: ", "multipart/related; ", "text/plain; ") + parameter
	case 1:
		charset := g.one("utf-8", "UTF-8", "utf8", "windows-31j", "ibm850", "utf-16", "utf-7", "iso-2022-jp", "utf8mb4", `"utf-8"`, "cp037", "hz-gb-2312", "", "x", "us-ascii", "tis-620", "utf-16le", "unicode", "csISO2022KR", "ibm1047")
		return g.one(value+"; charset="+charset, "multipart/form-data; charset="+charset+"; "+parameter, value+";charset="+charset)
	case 2:
		return value + g.one("; type=x", "; type=\"text/xml\"", ";", "; ", "; a", "; a=", "; =b", "; boundary=other", "; boundary="+boundary, `; boundary="`+boundary+`"`, ", "+value, ","+value, "; xboundary=other", "; x=\"boundary=other\"", ", multipart/form-data; boundary=other", "; boundary*=utf-8''other", "; boundary*0=other", "; BOUNDARY=other", "; q=\"a;boundary=other\"", " x", ",", ";boundary=", `; boundary=""`)
	case 3:
		return "multipart/form-data; " + g.one("type=x; ", "a=b; ", "; ", "x=\"y\"; ", "boundary=other; ", "xboundary=other; ", "boundary; ", "x-boundary=other, ", "a=\"b;c\"; ", "Boundary=other, ") + parameter
	case 4:
		return "multipart/form-data; " + g.one("boundary =", "boundary= ", "boundary = ", "BOUNDARY=", "Boundary=", "boundary\t=", "boundary*=utf-8''", "boundary==", "boundary:", "boundary*0=", "'boundary'=", `"boundary"=`) + boundary
	case 5:
		return "multipart/form-data; boundary=" + g.one(`"`+boundary, boundary+`"`, "'"+boundary+"'", `\"`+boundary+`\"`, `"\`+boundary+`"`, `""`+boundary+`""`, `" `+boundary+`"`, `"`+boundary+` "`, boundary+" ", boundary+"\t", `"`+boundary+`"x`, `"`+boundary+`" x`, "<"+boundary+">", "--"+boundary)
	default:
		i := g.IntN(len(value))
		return value[:i] + g.one("\t", " ", `"`, `\`, ";", ",", "=", "'", "\xa0", "*", "%", "\xff") + value[i:]
	}
}

// mutateDelimiters changes what stands between the parts.
func (g *grammar) mutateDelimiters(d *draft) {
	delimiter := "--" + d.boundary
	switch g.IntN(7) {
	case 0:
		d.preamble = g.one("\r\n", "A preamble.\r\n", "\n", " ", "--", delimiter, delimiter+"x\r\n", disposition("signature")+"\r\n\r\nx\r\n", strings.Repeat("p", 2000)+"\r\n", "\r\n\r\n", delimiter+"--\r\n", "x")
		g.did("preamble %.60q", d.preamble)
	case 1, 2:
		hidden := delimiter + "\r\n" + disposition("signature") + "\r\n\r\n" + staleSignature + "\r\n"
		d.epilogue = g.one("\x00", "\n", " ", "\r\n", "\r\n\r\n", "\t", delimiter+"--\r\n", delimiter+"--", "An epilogue.\r\n", strings.Repeat("e", 2000), strings.Repeat("e", 70000), hidden, hidden+delimiter+"--\r\n", "\r\n"+hidden+delimiter+"--\r\n", delimiter, "--", delimiter+"\r\n", "\x00\x00\x00\x00", " \r\n", "\n"+delimiter+"--\n")
		g.did("epilogue %.60q", d.epilogue)
	case 3:
		d.closing = g.one("--", "\r\n", "", "\n", "--\n", "-", "-\r\n", " --\r\n", "-- \r\n", "--x\r\n", "--\x00", "--\r", "--\t\r\n", "----\r\n", "--\r\n\r\n", "-- \n", "--;", "\r\n--\r\n")
		g.did("closing %q", d.closing)
	case 4:
		d.after = g.one("\n", " \r\n", "\t\r\n", "\r", "\r\r\n", "\r\n\r\n", "x\r\n", "", "\n\n", "\r\n ", "--x\r\n", "\x00\r\n", ";\r\n", "-\r\n")
		g.did("after delimiters %q", d.after)
	case 5:
		p := &d.parts[g.IntN(len(d.parts))]
		p.content += g.one("\r\n--"+cut(d.boundary, ","), "\r\n"+delimiter[:len(delimiter)-1]+"\r\n", "\r\n"+delimiter+"x", delimiter, "\n"+delimiter+"\n", "\r"+delimiter+"\r", "\n"+delimiter+"\r\n"+disposition("signature")+"\r\n\r\n"+staleSignature, "\r\n-"+delimiter+"\r\n", "\r\n"+strings.ToUpper(delimiter)+"\r\n", "\r\n"+delimiter+" \r\n"+disposition("signature")+"\r\n\r\n"+staleSignature, "\r\n --"+d.boundary+"\r\n", delimiter+"\r\n"+disposition("expire")+"\r\n\r\n"+staleExpire, "\r\n"+delimiter+"-\r\n"+disposition("signature")+"\r\n\r\n"+staleSignature, "\r\n"+cut(delimiter, ",")+"\r\n"+disposition("signature")+"\r\n\r\n"+staleSignature, "\r\n--", "\r", "\r\n", "\r\n"+delimiter+"--x\r\n"+delimiter+"\r\n"+disposition("signature")+"\r\n\r\n"+staleSignature, "\r\n"+d.boundary+"\r\n")
		g.did("content %.80q", p.content)
	default:
		g.mutateWhole(d)
	}
}

// mutateWhole changes the form as a whole.
func (g *grammar) mutateWhole(d *draft) {
	i := g.IntN(len(d.parts))
	switch g.IntN(5) {
	case 0:
		d.parts = slices.Insert(d.parts, i, part{"", g.one("", "x", disposition("signature")+"\r\n\r\n"+staleSignature, "signature", staleSignature)})
		g.did("a part without a header")
	case 1:
		d.parts = slices.Insert(d.parts, i, d.parts[i])
		g.did("a part twice")
	case 2:
		for range 200 {
			d.parts = append(d.parts, part{disposition("many"), "1"})
		}
		g.did("200 fields")
	case 3:
		d.parts[i].content += "\r\n--" + d.boundary + "--\r\n"
		g.did("closed before its end")
	default:
		d.parts = slices.Delete(d.parts, i, i+1)
		g.did("a part less")
	}
}

// cut returns text up to a separator.
func cut(text, separator string) string {
	before, _, _ := strings.Cut(text, separator)
	return before
}

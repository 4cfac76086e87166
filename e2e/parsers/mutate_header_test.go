// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import "strings"

// other makes a field that has no meaning.
func (g *grammar) other() part {
	name := g.one("UPLOADCARE_STORE", "metadata[subsystem]", "metadata[a.b]", "source", "tags[]", "my signature", "signature_note", "expires", "name", "filename", "a.b", "caf\xc3\xa9", "_charset_", "pubkey", "0")
	value := g.one("auto", "1", "", "signature", `name="signature"`, "a\r\nb", "\x00\xff", "caf\xe9", "signature=x&expire=1", "  blanks ", "utf-8", strings.Repeat("v", 300), "%73", "--")
	p := part{disposition(name), value}
	if g.chance(25) {
		p.header = g.one(
			"Content-Disposition: form-data; name="+strings.ReplaceAll(name, " ", "_"),
			`content-disposition: form-data; name="`+name+`"`,
			disposition(name)+"\r\nContent-Type: text/plain; charset=utf-8",
			disposition(name)+"\r\nContent-Type: text/plain",
			disposition(name)+"\r\nContent-Length: 3",
			disposition(name)+"\r\nContent-Transfer-Encoding: 8bit",
			disposition(name)+";",
			disposition(name)+"; x=y",
			disposition(name)+"\r\n"+disposition(name),
			"Content-Type: text/plain\r\n"+disposition(name),
			"Content-Type: text/plain",
			"X: y",
			"",
			`Content-Disposition: form-data`,
			`Content-Disposition: form-data; name=""`,
		)
		g.did("other %q", p.header)
	}
	return p
}

// hostile is what parsers and the gateway may read differently in a header.
var hostile = []string{
	"\x00", "\t", "\v", "\f", "\x1b", "\x7f", "\xa0", "\xc2\xa0", "\x85", "\xe2\x80\xa8", `"`, `\`, ";", ",", "=", "%", "*", "'", " ", "\r", "\n", "\r\n ", "\r\n\t", ":", "[", "]", "(", ")", "<", "&", "+", ".", "\xff", "%22", "%00", "\r\n", "--", "name=", "; name=x", `; filename="y"`,
}

// mutateHeader changes a header in one or two places.
func (g *grammar) mutateHeader(header string) string {
	was := header
	for range 1 + g.IntN(2) {
		if header == "" {
			break
		}
		i := g.IntN(len(header))
		switch g.IntN(8) {
		case 0, 1, 2:
			header = header[:i] + g.one(hostile...) + header[i:]
		case 3: // at an edge of a word, where keys and values begin
			if at := strings.IndexAny(header[i:], ";=\""); at >= 0 {
				i += at + g.IntN(2)
				header = header[:i] + g.one(hostile...) + header[i:]
			}
		case 4:
			header = header[:i] + header[i+1:]
		case 5:
			header = header[:i] + g.one(hostile...) + header[i+1:]
		case 6:
			header = g.mutateLines(header)
		case 7:
			header = strings.Replace(header, "; ", g.separator(), 1+g.IntN(2))
		}
	}
	g.did("header %.80q was %.80q", header, was)
	return header
}

func (g *grammar) mutateLines(header string) string {
	first, rest, _ := strings.Cut(header, "\r\n")
	switch g.IntN(9) {
	case 0:
		return header + "\r\n" + first
	case 1:
		return "X-First: " + g.one("y", "signature", `"`) + "\r\n" + header
	case 2:
		return strings.Replace(header, ": ", g.one(":", " : ", ":\t", ":  ", "\t: ", ""), 1)
	case 3:
		return strings.ReplaceAll(header, "\r\n", g.one("\n", "\r", "\r\r\n", "\n\r"))
	case 4:
		return header + g.one("\r\nno colon", "\r\n: x", "\r\n x", "\r\nX:", "\r\n\t", "\r\nX\x00: y", "\nX: y", "\rX: y")
	case 5:
		return rest
	case 6:
		return strings.ToUpper(first) + header[len(first):]
	case 7:
		return g.one(" ", "\t", "\r\n", "\n", "\r", "\xef\xbb\xbf", "\x00") + header
	default:
		return header + strings.Repeat("\r\nX-More: y", 1+g.IntN(50))
	}
}

// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"fmt"
	"strings"
)

// urlencoded makes a urlencoded body.
func (g *grammar) urlencoded() request {
	body := g.params(2 + g.IntN(4))
	key := "pub_key=" + publicKey
	if g.chance(10) {
		key = g.one("pub%5fkey=", "UPLOADCARE_PUB_KEY=", "pub_key=+", "%70ub_key=") + g.one(publicKey, "%64emopublickey", publicKey+"%0A", publicKey+"+")
		g.did("key %q", key)
	}
	if g.chance(50) {
		body = key + "&" + body
	} else {
		body += g.one("&", "&", "&&") + key
	}
	if g.chance(3) {
		body = strings.Repeat("a=1&", 900+g.IntN(300)) + body
		g.did("a thousand parameters")
	}
	contentType := "application/x-www-form-urlencoded"
	if g.chance(20) {
		contentType = g.one("application/x-www-form-urlencoded; charset=UTF-8", "application/x-www-form-urlencoded;charset=utf-8", "APPLICATION/X-WWW-FORM-URLENCODED", "application/x-www-form-urlencoded; x", "application/x-www-form-urlencoded;", "application/x-www-form-urlencoded; charset=utf-16", "application/x-www-form-urlencoded; a=b=c", "application/x-www-form-urlencoded, x", "application/x-www-form-urlencoded; charset=", "application/x-www-form-urlencoded ; charset=\"utf-8\"", "application/x-www-form-urlencoded; boundary=x", "application/json", "application/x-www-form-urlencoded; charset=utf-7", "application/x-www-form-urlencoded; charset=ibm037")
		g.did("Content-Type %q", contentType)
	}
	return request{path: g.one("/from_url/", "/group/", "/multipart/start/"), contentType: []string{contentType}, body: []byte(body)}
}

// inQuery makes a request whose parameters are all in its query.
func (g *grammar) inQuery() request {
	query := g.params(1+g.IntN(3)) + "&pub_key=" + publicKey
	if g.chance(40) {
		query = "pub_key=" + publicKey + "&" + g.params(1+g.IntN(3))
	}
	return request{method: g.one("GET", "POST"), path: "/from_url/", query: queryOf(query)}
}

// queryOf escapes what Go's server does not take in a request line.
func queryOf(params string) string {
	var query strings.Builder
	for i := range len(params) {
		if c := params[i]; c <= ' ' || c == 0x7f {
			fmt.Fprintf(&query, "%%%02x", c)
		} else {
			query.WriteByte(c)
		}
	}
	return query.String()
}

// params makes some parameters, of which some are stale or a second key.
func (g *grammar) params(count int) string {
	var params []string
	for range count {
		switch percent := g.IntN(100); {
		case percent < 45:
			params = append(params, g.one("source_url=https%3A%2F%2Fexample.com%2F%3Fsignature%3Dx%26expire%3D1", "store=1", "files[]=a", "files[0]=b", "a", "=", "a=b=c", "caf%C3%A9=%E9", "a+b=c+d", "metadata[a]=b", "x=%zz", "x=%", "x=%u0041", "a;b=c", "tags%5B%5D=1", "a.b=1", "%00=1", "filename=a%00b", "expires=1", "signature_note=x"))
		default:
			params = append(params, g.staleParam())
		}
	}
	return strings.Join(params, g.one("&", "&", "&", "&", "&&"))
}

func (g *grammar) staleParam() string {
	name, value := g.staleName()
	if g.chance(15) {
		name, value = g.one("pub_key", "UPLOADCARE_PUB_KEY"), g.one(otherKey, publicKey, "")
	}
	switch g.IntN(4) {
	case 0:
		return name + "=" + value
	case 1:
		name = g.spelling(name)
	default:
		i := g.IntN(len(name))
		name = name[:i] + g.one(fmt.Sprintf("%%%02x", name[i]), fmt.Sprintf("%%%02X", name[i]), fmt.Sprintf("%%u%04x", name[i]), fmt.Sprintf("%%U%04x", name[i]), fmt.Sprintf("%%25%02x", name[i]), fmt.Sprintf("&#%d;", name[i]), string(name[i])+"%00", "+"+string(name[i]), "%20"+string(name[i]), "%zz"+string(name[i]), "%"+string(name[i]), fmt.Sprintf("\\u%04x", name[i])) + name[i+1:]
	}
	text := g.one("", "", "", "x;", ";", "+", "%20", "a=b;", "%0a", "?", "[", "%00", "a=%zz;", "\n", "\x00", "\xef\xbb\xbf", "&", "#") + name + g.one("=", "=", "=", "%3D", "==", "+=", "[]=", "[a]=", ".=", "%00=", ";=", ":", "%5B%5D=", "%20=", "[=", "]=", "") + value + g.one("", "", "", ";x", ";signature="+staleSignature, "%zz", "#", "\n")
	g.did("parameter %q", text)
	return text
}

// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
)

// destination is where a request goes, and so which way it takes through the gateway.
type destination struct {
	name, method, path, contentType string
	body                            func(id string) string
}

// stale is what the client's own signature is; it must not arrive at a signed endpoint.
const stale = "a-stale-signature"

var (
	// upload is edited in the stream, takes the shortcut and the client for small uploads.
	upload = destination{"upload", "POST", "/base/", "multipart/form-data; boundary=" + fixture.Boundary, func(id string) string {
		return fixture.Form(fixture.Field("UPLOADCARE_PUB_KEY", "demopublickey"), fixture.Field("signature", stale), fixture.File("file", "cat.jpg", id))
	}}
	// held is a body that is held until it has arrived.
	held = destination{"held", "POST", "/from_url/", fixture.URLEncoded, func(id string) string {
		return "pub_key=demopublickey&signature=" + stale + "&source_url=https://example.com/" + id
	}}
	// unsigned passes as it is.
	unsigned = destination{"unsigned", "POST", "/multipart/complete/", fixture.URLEncoded, func(id string) string {
		return "UPLOADCARE_PUB_KEY=demopublickey&uuid=" + id
	}}
	// refused is an upload that is refused before its body is read, for it is no form. What
	// is left of the body is discarded.
	refused = destination{"refused", "POST", "/base/", "text/plain", func(id string) string {
		return "GET /smuggled/ HTTP/1.1\r\nHost: a\r\nX-Canary: " + id + "\r\n\r\n"
	}}

	destinations = []destination{upload, held, unsigned, refused}
)

// request returns one without anything odd.
func (d destination) request(address, id string) string {
	return d.expand("{head}Content-Length: {n}\r\n\r\n{body}", address, id, "", "")
}

// expand fills a vector's template in. smuggled and next are the canaries of requests that
// may follow the one with id.
func (d destination) expand(template, address, id, smuggled, next string) string {
	body := d.body(id)
	n := len(body)
	line, host, kind := fmt.Sprintf("%s %s HTTP/1.1\r\n", d.method, d.path), "Host: "+address+"\r\n", "Content-Type: "+d.contentType+"\r\nX-Canary: "+id+"\r\n"
	hidden := "GET /smuggled/ HTTP/1.1\r\nHost: " + address + "\r\nX-Canary: " + smuggled + "\r\n\r\n"
	pairs := []string{
		"{line}", line, "{host}", host, "{type}", kind, "{head}", line + host + kind, "{address}", address, "{path}", d.path,
		"{n}", fmt.Sprint(n), "{n+1}", fmt.Sprint(n + 1), "{n-1}", fmt.Sprint(n - 1), "{n-9}", fmt.Sprint(n - 9), "{n+smuggled}", fmt.Sprint(n + len(hidden)),
		"{hex}", fmt.Sprintf("%x", n), "{HEX}", fmt.Sprintf("%X", n), "{hex+1}", fmt.Sprintf("%x", n+1), "{hex-1}", fmt.Sprintf("%x", n-1),
		"{chunked}", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", n, body), "{chunk}", fmt.Sprintf("%x\r\n%s\r\n", n, body), "{body}", body, "{half}", body[:n/2], "{rest}", body[n/2:],
		"{hex half}", fmt.Sprintf("%x", n/2), "{hex rest}", fmt.Sprintf("%x", n-n/2), "{smuggled}", hidden, "{id}", id, "{smuggled id}", smuggled, "{len smuggled}", fmt.Sprint(len(hidden)),
	}
	if next != "" {
		pairs = append(pairs, "{next}", d.request(address, next))
	}
	return strings.NewReplacer(pairs...).Replace(template)
}

var (
	// noBody has the refusals of what has no body for the framing that it has.
	noBody = map[string]int{"upload": 400, "held": 403}

	signedTarget    = regexp.MustCompile(`^/(base|multipart/start|group|from_url|iframe)/(\?.*)?$`)
	multipartPair   = regexp.MustCompile(`name="(?:signature"\r\n\r\n[0-9a-f]{64}|expire"\r\n\r\n[0-9]{10})\r\n`)
	urlencodedPair  = regexp.MustCompile(`(?:^|[?&])(?:signature=[0-9a-f]{64}|expire=[0-9]{10})(?:&|$)`)
	credentialNames = regexp.MustCompile(`(?i)(?:name="?|[?&]|^)(?:signature|expire)\b`)
)

// improper returns why an arrival is not what may leave our gateway, or nothing: a request to
// a signed endpoint has exactly one credential, the gateway's, and none has a trailer.
func (a *arrival) improper() string {
	if len(a.trailer) > 0 {
		return fmt.Sprintf("a trailer, %q", a.trailer)
	}
	if !signedTarget.MatchString(a.target) || a.method != "POST" && a.method != "GET" && a.method != "HEAD" || !a.complete {
		return ""
	}
	text := a.body
	if _, query, found := strings.Cut(a.target, "?"); found {
		text += "&" + query
	}
	pairs := len(multipartPair.FindAllString(text, -1)) + countPairs(text)
	switch {
	case strings.Contains(a.raw, stale):
		return "the client's own signature"
	case pairs != 2:
		return fmt.Sprintf("%d halves of a credential", pairs)
	case len(credentialNames.FindAllString(text, -1)) != 2:
		return "another field of a credential's name"
	}
	return ""
}

// countPairs counts fields of a credential among parameters. Two that stand side by side
// share a separator, which a regular expression would consume.
func countPairs(text string) (count int) {
	for param := range strings.SplitSeq(text, "&") {
		if urlencodedPair.MatchString(param) {
			count++
		}
	}
	return count
}

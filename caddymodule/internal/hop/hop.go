// SPDX-License-Identifier: Apache-2.0

// Package hop knows the hop-by-hop headers: those for the next connection alone,
// which a proxy must not forward (RFC 9110, section 7.6.1).
package hop

import (
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// DropNominated removes the headers of a request that its Connection header names,
// and Connection itself but for an upgrade. The proxy would do so later, and remove
// with them what has been added meanwhile: by `Connection: authorization`, a client
// could otherwise make its upload leave without the access token.
func DropNominated(header http.Header) {
	nominations, ok := header["Connection"]
	if !ok {
		return
	}
	delete(header, "Connection")
	for _, names := range nominations {
		for name := range strings.SplitSeq(names, ",") {
			switch name = strings.TrimSpace(name); {
			case strings.EqualFold(name, "Upgrade"): // the proxy needs both headers (RFC 9110, section 7.8)
				header.Set("Connection", name)
			case strings.EqualFold(name, "Connection"): // which would remove what has just been set
			default:
				header.Del(name)
			}
		}
	}
}

// IsConnection reports whether a header, by its canonical name, describes the
// connection that it arrives on or the framing of messages there.
func IsConnection(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// IsHopByHop reports whether a header, by its canonical name, is always hop-by-hop.
// The list is that of Caddy's proxy, so that a response is the same on either way.
func IsHopByHop(name string) bool {
	switch name {
	case "Alt-Svc", "Proxy-Authenticate", "Proxy-Authorization":
		return true
	}
	return IsConnection(name)
}

// AddEndToEnd copies the end-to-end headers of a response: those that are neither
// hop-by-hop nor named by its Connection header. Values are added to those in to.
func AddEndToEnd(to, from http.Header) {
	nominations := from["Connection"]
	for name, values := range from {
		if !IsHopByHop(name) && (len(nominations) == 0 || !httpguts.HeaderValuesContainsToken(nominations, name)) {
			to[name] = append(to[name], values...)
		}
	}
}

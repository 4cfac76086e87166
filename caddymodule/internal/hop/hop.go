// SPDX-License-Identifier: Apache-2.0

// Package hop knows which headers are for one hop of a request or its response
// alone (RFC 9110, section 7.6.1).
package hop

import (
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// DropNominated takes out the headers of a request that Connection names, and that
// itself but for an upgrade. The proxy would do so later, and take out what has been
// put in meanwhile by their names, such as a credential.
func DropNominated(header http.Header) {
	nominations := header["Connection"]
	delete(header, "Connection")
	for _, names := range nominations {
		for name := range strings.SplitSeq(names, ",") {
			switch name = strings.TrimSpace(name); {
			case strings.EqualFold(name, "Upgrade"): // the proxy has to see both
				header.Set("Connection", name)
			default:
				header.Del(name)
			}
		}
	}
}

// IsConnection reports whether a header, by its canonical name, is about the
// connection that it comes over, or what is transferred there.
func IsConnection(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// IsHopByHop reports whether a header, by its canonical name, is always for one hop
// alone, as Caddy's proxy sees it.
func IsHopByHop(name string) bool {
	switch name {
	case "Alt-Svc", "Proxy-Authenticate", "Proxy-Authorization":
		return true
	}
	return IsConnection(name)
}

// AddEndToEnd adds the headers of a response that are for all hops, also by what its
// Connection names.
func AddEndToEnd(to, from http.Header) {
	nominations := from["Connection"]
	for name, values := range from {
		if !IsHopByHop(name) && (len(nominations) == 0 || !httpguts.HeaderValuesContainsToken(nominations, name)) {
			to[name] = append(to[name], values...)
		}
	}
}

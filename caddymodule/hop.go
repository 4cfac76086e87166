// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// dropNominated takes out the headers that Connection names, which are for this
// hop alone (RFC 9110, section 7.6.1). The proxy would do so later, and take out
// what has been put in meanwhile by their names, such as a credential.
func dropNominated(header http.Header) {
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

// isHopByHop reports whether a header is for one hop alone, as Caddy's proxy sees
// it.
func isHopByHop(name string) bool {
	switch name {
	case "Alt-Svc", "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// addEndToEnd adds the headers of an answer that are for all hops, also by what its
// Connection names.
func addEndToEnd(to, from http.Header) {
	nominations := from["Connection"]
	for name, values := range from {
		if !isHopByHop(name) && (len(nominations) == 0 || !httpguts.HeaderValuesContainsToken(nominations, name)) {
			to[name] = append(to[name], values...)
		}
	}
}

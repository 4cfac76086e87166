// SPDX-License-Identifier: Apache-2.0

package shortcut

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// addForwarded sets the X-Forwarded headers, as Caddy's proxy does. Values that came
// with the request are used if it comes from a trusted proxy, and replaced otherwise,
// since any client can send them. A header whose value is nil is not set: by that, a
// handler before says that the upstream must not get it.
func addForwarded(r *http.Request, header http.Header, address string, trusted bool) {
	set := func(name, value string, extend bool) {
		// The convention of net/http/httputil (Go issue 38079), which Caddy's proxy has, too.
		values, ok := header[name]
		if ok && values == nil {
			return
		}
		switch {
		case !trusted || len(values) == 0: // only what Caddy knows itself
		case extend && strings.Join(values, ", ") != "":
			value = strings.Join(values, ", ") + ", " + value
		// The last one is that of the proxy that is trusted; those before it may be the
		// client's.
		case !extend && values[len(values)-1] != "":
			value = values[len(values)-1]
		}
		header[name] = []string{value}
	}
	// The scheme by which the client reached Caddy. The upstream's is another.
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	set("X-Forwarded-For", address, true)
	set("X-Forwarded-Proto", scheme, false)
	set("X-Forwarded-Host", r.Host, false)
}

// addVia adds Caddy to the Via header (RFC 9110, section 7.6.3). It does not change the
// slice of values in place, which the client's request shares.
func addVia(header http.Header, major, minor int) {
	via := "1.1 Caddy" // nearly always; saves an allocation
	if major != 1 || minor != 1 {
		via = strconv.Itoa(major) + "." + strconv.Itoa(minor) + " Caddy"
	}
	header["Via"] = append(slices.Clip(header["Via"]), via)
}

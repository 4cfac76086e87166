// SPDX-License-Identifier: Apache-2.0

package shortcut

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// addForwarded tells the upstream of the client. What there is of that already is
// believed if it comes from a trusted proxy, and left alone if it is nil, which
// says that it is to be kept from the upstream.
func addForwarded(r *http.Request, header http.Header, address string, trusted bool) {
	set := func(name, value string, extend bool) {
		values, ok := header[name]
		if ok && values == nil {
			return
		}
		switch {
		case !trusted || len(values) == 0:
		case extend && strings.Join(values, ", ") != "":
			value = strings.Join(values, ", ") + ", " + value
		case !extend && values[len(values)-1] != "":
			value = values[len(values)-1]
		}
		header[name] = []string{value}
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	set("X-Forwarded-For", address, true)
	set("X-Forwarded-Proto", scheme, false)
	set("X-Forwarded-Host", r.Host, false)
}

// addVia tells of Caddy (RFC 9110, section 7.6.3).
func addVia(header http.Header, major, minor int) {
	via := "1.1 Caddy"
	if major != 1 || minor != 1 {
		via = strconv.Itoa(major) + "." + strconv.Itoa(minor) + " Caddy"
	}
	header["Via"] = append(slices.Clip(header["Via"]), via)
}

// SPDX-License-Identifier: Apache-2.0

// Package loopback tells this machine's addresses from others'. What is sent there without
// TLS passes no other machine.
package loopback

import (
	"net/netip"
	"strings"
)

// IsHost reports whether a host is this machine by its name or address. No DNS is asked:
// a name could resolve to another address later. localhost and names below it are
// loopback by RFC 6761, section 6.3.
func IsHost(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// SPDX-License-Identifier: Apache-2.0

package option

import (
	"fmt"
	"regexp"
)

// HTTPTransport lists the options of Caddy's transport http for load errors: Caddy's own error
// about a typo does not name them.
const HTTPTransport = "dial_timeout, dial_fallback_delay, response_header_timeout, expect_continue_timeout, read_timeout, write_timeout, read_buffer, write_buffer, " +
	"max_response_header, proxy_protocol, network_proxy, forward_proxy_url, resolvers, local_address, versions, compression, max_conns_per_host, " +
	"keepalive, keepalive_interval, keepalive_idle_conns, keepalive_idle_conns_per_host, tls, tls_timeout, tls_client_auth, tls_trust_pool, " +
	"tls_server_name, tls_insecure_skip_verify, tls_curves, tls_renegotiation or tls_except_ports"

var unrecognized = regexp.MustCompile(`unrecognized subdirective '?([^\s',]+)`)

// Unrecognized returns the subdirective that one of Caddy's parsers does not know, by the
// parser's error, or "" if it is another error.
func Unrecognized(err error) string {
	if match := unrecognized.FindStringSubmatch(err.Error()); match != nil {
		return match[1]
	}
	return ""
}

// TransportError adds the options of Caddy's transport http, and others, to an error about a
// typo in them.
func TransportError(err error, more string) error {
	if Unrecognized(err) == "" {
		return err
	}
	return fmt.Errorf("%w: expected an option of the transport: %s%s", err, more, HTTPTransport)
}

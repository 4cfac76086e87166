// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"io"
	"log"
)

// silentLog takes what servers say of clients that break off.
var silentLog = log.New(io.Discard, "", 0)

// sharers are how many clients have connections over HTTP/2 and 3 in common, as the
// uploads of one page have.
const sharers = 4

// transports are those of a client: one for each protocol and gateway.
type transports map[protocol][]transport

func newTransports(gateways int, trust *tls.Config, speaks ...protocol) transports {
	t := make(transports)
	for _, protocol := range speaks {
		for range gateways {
			t[protocol] = append(t[protocol], newTransport(protocol, trust))
		}
	}
	return t
}

// close closes the connections, none of which is in use.
func (t transports) close() {
	for _, all := range t {
		for _, transport := range all {
			transport.CloseIdleConnections()
			if closer, ok := transport.(io.Closer); ok {
				_ = closer.Close()
			}
		}
	}
}

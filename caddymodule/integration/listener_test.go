// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"net"
	"testing"
)

// serveConnections is an upstream below HTTP: serve has each connection, which is
// closed afterwards. It returns the upstream's host and port.
func serveConnections(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				serve(connection)
			}()
		}
	}()
	return listener.Addr().String()
}

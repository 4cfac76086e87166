// SPDX-License-Identifier: Apache-2.0

package client

import (
	"net"
	"syscall"
)

// poller is a connection that can be looked at without reading from it.
type poller interface {
	// Readable reports whether a Read would return at once: with data that has
	// come, the connection's end, or an error.
	Readable() bool
}

// newPoller returns one for a connection, or for what it is made over, if that is
// a poller, or a socket where canPoll says so. Otherwise it returns nil.
func newPoller(connection net.Conn) poller {
	for {
		switch below := connection.(type) {
		case poller:
			return below
		case syscall.Conn:
			socket, err := below.SyscallConn()
			if err != nil {
				return nil
			}
			return newSocketPoller(socket)
		case interface{ NetConn() net.Conn }: // of package wire, and tls.Conn
			connection = below.NetConn()
		default:
			return nil
		}
	}
}

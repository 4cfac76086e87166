// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"net"
	"syscall"
)

// Poller is a connection that can be looked at without reading from it.
type Poller interface {
	// Readable reports whether a Read would return at once: with data that has
	// come, the connection's end, or an error.
	Readable() bool
}

// NewPoller returns one for a connection, or for what it is made over, if that is
// a [Poller], or a socket where [CanPoll] says so. Otherwise it returns nil. It
// allocates, so that what it returns need not.
func NewPoller(connection net.Conn) Poller {
	for {
		switch below := connection.(type) {
		case Poller:
			return below
		case syscall.Conn:
			socket, err := below.SyscallConn()
			if err != nil {
				return nil
			}
			return newSocketPoller(socket)
		case *TLSConn:
			connection = below.secure
		case *Conn:
			connection = below.Conn
		case *Records:
			connection = below.Conn
		case interface{ NetConn() net.Conn }: // tls.Conn
			connection = below.NetConn()
		default:
			return nil
		}
	}
}

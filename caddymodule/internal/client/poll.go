// SPDX-License-Identifier: Apache-2.0

package client

import (
	"net"
	"syscall"
	"time"
)

// poller is a connection that can be inspected without reading from it.
//
// net/http has a goroutine in a Read for as long as a connection is idle, to notice
// when the upstream closes it. A poll before each use finds the same, at the cost
// of one system call instead of a goroutine and a switch to it.
type poller interface {
	// Readable reports whether a Read would return at once: with data that has
	// arrived, with the connection's end, or with an error.
	Readable() bool
}

// network is what a poller of a socket knows besides.
type network interface {
	// acknowledgedReadable is Readable, after what has come has been acknowledged.
	acknowledgedReadable() bool
	// roundTrip returns the shortest round trip that the system has seen of late, or 0 if
	// it does not know.
	roundTrip() time.Duration
}

// newPoller returns a poller for a connection or, if it wraps another as TLS does,
// for the one below. It returns nil if there is neither a poller nor a socket that
// can be polled.
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

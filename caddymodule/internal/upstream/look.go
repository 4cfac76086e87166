// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"net"
	"syscall"
)

// looker tells whether anything has come on a connection that has not been
// read: data, its end, or an error.
type looker interface{ HasCome() bool }

// lookerOf returns one for a connection, or nil if nothing can be seen.
func lookerOf(connection net.Conn) looker {
	for {
		switch below := connection.(type) {
		case looker:
			return below
		case syscall.Conn:
			socket, err := below.SyscallConn()
			if err != nil {
				return nil
			}
			return newSocketLook(socket)
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

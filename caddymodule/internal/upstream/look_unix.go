// SPDX-License-Identifier: Apache-2.0

//go:build unix

package upstream

import (
	"errors"
	"syscall"
)

// canLook says that it can be seen whether anything has come on a socket.
const canLook = true

// socketLook looks at a socket without taking anything from it.
type socketLook struct {
	socket syscall.RawConn
	peek   func(descriptor uintptr) bool
	come   bool
	buffer [1]byte
}

func newSocketLook(socket syscall.RawConn) looker {
	l := &socketLook{socket: socket}
	l.peek = func(descriptor uintptr) bool {
		// Go's sockets do not block.
		_, _, err := syscall.Recvfrom(int(descriptor), l.buffer[:], syscall.MSG_PEEK) //nolint:gosec // it was made of an int
		l.come = !errors.Is(err, syscall.EAGAIN)
		return true // in any case: do not wait for more
	}
	return l
}

// HasCome implements looker.
func (l *socketLook) HasCome() bool {
	l.come = true
	return l.socket.Read(l.peek) != nil || l.come
}

// SPDX-License-Identifier: Apache-2.0

//go:build unix

package client

import (
	"errors"
	"syscall"
)

// canPoll says that sockets can be looked at, on this operating system.
const canPoll = true

// socketPoller looks at a socket without taking anything from it.
type socketPoller struct {
	socket   syscall.RawConn
	peek     func(descriptor uintptr) bool
	readable bool
	buffer   [1]byte
}

func newSocketPoller(socket syscall.RawConn) poller {
	p := &socketPoller{socket: socket}
	p.peek = func(descriptor uintptr) bool {
		// Go's sockets do not block.
		_, _, err := syscall.Recvfrom(int(descriptor), p.buffer[:], syscall.MSG_PEEK) //nolint:gosec // it was made of an int
		p.readable = !errors.Is(err, syscall.EAGAIN)
		return true // in any case: do not wait for more
	}
	return p
}

// Readable implements poller.
func (p *socketPoller) Readable() bool {
	p.readable = true
	return p.socket.Read(p.peek) != nil || p.readable
}

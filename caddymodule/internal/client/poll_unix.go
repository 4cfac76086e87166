// SPDX-License-Identifier: Apache-2.0

//go:build unix

package client

import (
	"errors"
	"syscall"
	"time"
)

// canPoll says that sockets can be polled on this operating system.
const canPoll = true

// socketPoller polls a socket with recvfrom(2) and MSG_PEEK, which leaves the data
// in it.
type socketPoller struct {
	socket   syscall.RawConn
	peek     func(descriptor uintptr) bool
	first    bool // acknowledge first
	readable bool
	buffer   [1]byte
}

func newSocketPoller(socket syscall.RawConn) poller {
	p := &socketPoller{socket: socket}
	p.peek = func(descriptor uintptr) bool {
		if p.first {
			acknowledge(descriptor)
		}
		// Go's sockets are non-blocking, so this returns at once.
		_, _, err := syscall.Recvfrom(int(descriptor), p.buffer[:], syscall.MSG_PEEK) //nolint:gosec // it was made of an int
		p.readable = !errors.Is(err, syscall.EAGAIN)
		return true // in any case: false would wait until the socket is readable
	}
	return p
}

// Readable implements poller.
func (p *socketPoller) Readable() bool {
	p.readable = true
	return p.socket.Read(p.peek) != nil || p.readable
}

// acknowledgedReadable implements network.
func (p *socketPoller) acknowledgedReadable() bool {
	p.first = true
	readable := p.Readable()
	p.first = false
	return readable
}

// roundTrip implements network.
func (p *socketPoller) roundTrip() (shortest time.Duration) {
	_ = p.socket.Control(func(descriptor uintptr) { shortest = roundTrip(descriptor) })
	return shortest
}

// Interface guard
var _ network = (*socketPoller)(nil)

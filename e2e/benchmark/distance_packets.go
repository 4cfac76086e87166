// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// maxPacket is more than any packet of QUIC has.
const maxPacket = 2048

// socketBuffer is what is asked of the system for packets that wait for the relay. What
// does not fit is lost, as on a line.
const socketBuffer = 4 << 20

// packetRelay is a [relay] for the packets of HTTP/3.
type packetRelay struct {
	near  *net.UDPConn
	to    *net.UDPAddr
	delay time.Duration

	mu  sync.Mutex
	far map[netip.AddrPort]*net.UDPConn // by client
}

// newPacketRelay starts a relay to an address.
func newPacketRelay(to string, roundTrip time.Duration) (*packetRelay, error) {
	address, err := net.ResolveUDPAddr("udp", to)
	if err != nil {
		return nil, err
	}
	near, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	enlarge(near)
	r := &packetRelay{near: near, to: address, delay: roundTrip / 2, far: map[netip.AddrPort]*net.UDPConn{}}
	go r.listen()
	return r, nil
}

// address returns the address for clients.
func (r *packetRelay) address() string { return addressFor(r.near.LocalAddr()) }

// stop ends the relay, and all that it forwards.
func (r *packetRelay) stop() {
	_ = r.near.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, far := range r.far {
		_ = far.Close()
	}
}

// listen forwards the packets of all clients, each of whom gets a socket of its own.
func (r *packetRelay) listen() {
	roads := map[netip.AddrPort]*road{}
	for {
		packet, from, err := receive(r.near)
		if err != nil {
			for _, road := range roads {
				road.put(piece{err: err})
			}
			return
		}
		there := roads[from]
		if there == nil {
			if there, err = r.connect(from); err != nil {
				continue // as if the packet were lost
			}
			roads[from] = there
		}
		there.put(piece{content: packet, due: time.Now().Add(r.delay)})
	}
}

// connect begins to forward for one client, and returns the way there.
func (r *packetRelay) connect(client netip.AddrPort) (*road, error) {
	far, err := net.DialUDP("udp", nil, r.to)
	if err != nil {
		return nil, err
	}
	enlarge(far)
	r.mu.Lock()
	r.far[client] = far
	r.mu.Unlock()
	there, back := newRoad(), newRoad()
	go deliver(there, func(packet []byte) { _, _ = far.Write(packet) })
	go deliver(back, func(packet []byte) { _, _ = r.near.WriteToUDPAddrPort(packet, client) })
	go func() {
		for {
			packet, _, err := receive(far)
			back.put(piece{content: packet, err: err, due: time.Now().Add(r.delay)})
			if err != nil {
				return
			}
		}
	}()
	return there, nil
}

// deliver sends each packet of a road when it is due, until the road ends.
func deliver(from *road, send func([]byte)) {
	for {
		next := from.take()
		if next.err != nil {
			return
		}
		time.Sleep(time.Until(next.due))
		send(next.content)
	}
}

// receive returns the next packet of a socket.
func receive(from *net.UDPConn) ([]byte, netip.AddrPort, error) {
	packet := make([]byte, maxPacket)
	n, sender, err := from.ReadFromUDPAddrPort(packet)
	return packet[:n], sender, err
}

// enlarge asks for larger buffers. The system may grant less.
func enlarge(socket *net.UDPConn) {
	_ = socket.SetReadBuffer(socketBuffer)
	_ = socket.SetWriteBuffer(socketBuffer)
}

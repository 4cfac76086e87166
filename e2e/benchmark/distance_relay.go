// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// relay forwards connections to an address as if it were far away: every byte takes half a
// round trip in either direction, and so does the end; connecting takes a whole one. There
// is no limit of what is in flight, so neither TCP's windows nor its slow start are
// modelled, and nothing is lost.
type relay struct {
	listener  net.Listener
	to        string
	roundTrip time.Duration
}

// newRelay starts a relay to an address.
func newRelay(to string, roundTrip time.Duration) (*relay, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{listener: listener, to: to, roundTrip: roundTrip}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			go r.join(near)
		}
	}()
	return r, nil
}

// address returns the address for clients, with a host name that the certificate has.
func (r *relay) address() string { return addressFor(r.listener.Addr()) }

// addressFor returns an address of this machine with its host name.
func addressFor(address net.Addr) string {
	_, port, _ := net.SplitHostPort(address.String())
	return net.JoinHostPort("localhost", port)
}

// stop stops accepting connections. The existing ones end when one of their ends does.
func (r *relay) stop() { _ = r.listener.Close() }

// join relays one connection until it ends.
func (r *relay) join(near net.Conn) {
	far, err := net.Dial("tcp", r.to)
	if err != nil {
		_ = near.Close()
		return
	}
	connect(near, far, r.roundTrip)
}

// connect forwards between two connections until both directions have ended, and closes
// them.
func connect(near, far net.Conn, roundTrip time.Duration) {
	// The near end is connected a round trip earlier than it would be over a distance, so
	// what it sends before that is delayed.
	connected := time.Now().Add(roundTrip)
	var running sync.WaitGroup
	running.Go(func() { carry(far, near, connected, roundTrip/2) })
	running.Go(func() { carry(near, far, time.Time{}, roundTrip/2) })
	running.Wait()
	_, _ = near.Close(), far.Close()
}

// piece is some bytes in flight.
type piece struct {
	content []byte
	err     error // the end of the connection
	due     time.Time
}

// carry forwards bytes in one direction, each after the delay. Bytes that are read before
// earliest count as read then.
func carry(to, from net.Conn, earliest time.Time, delay time.Duration) {
	road := newRoad()
	go func() {
		for {
			buffer := make([]byte, 64<<10)
			n, err := from.Read(buffer)
			left := time.Now()
			if left.Before(earliest) {
				left = earliest
			}
			road.put(piece{buffer[:n], err, left.Add(delay)})
			if err != nil {
				return
			}
		}
	}()
	for {
		next := road.take()
		time.Sleep(time.Until(next.due))
		var err error
		if len(next.content) > 0 {
			_, err = to.Write(next.content)
		}
		switch {
		case err != nil: // the other end learns of it after the delay
			time.Sleep(delay)
			abort(from)
			return
		// Only this direction: a client that has closed it may wait for its response.
		case errors.Is(next.err, io.EOF):
			if half, ok := to.(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			} else {
				_ = to.Close()
			}
			return
		case next.err != nil:
			abort(to)
			return
		}
	}
}

// abort closes a connection with a reset (RST), as one whose other end has failed.
func abort(connection net.Conn) {
	if connection, ok := connection.(*net.TCPConn); ok {
		_ = connection.SetLinger(0)
	}
	_ = connection.Close()
}

// road is a queue of what is in flight in one direction.
type road struct {
	mu     sync.Mutex
	filled *sync.Cond
	pieces []piece
}

// newRoad returns an empty road.
func newRoad() *road {
	r := new(road)
	r.filled = sync.NewCond(&r.mu)
	return r
}

// put adds a piece behind the others.
func (r *road) put(p piece) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pieces = append(r.pieces, p)
	r.filled.Signal()
}

// take removes the first piece, and waits for one.
func (r *road) take() piece {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.pieces) == 0 {
		r.filled.Wait()
	}
	first := r.pieces[0]
	// Or the slice would hold its 64 KiB until it grows anew.
	r.pieces[0] = piece{}
	r.pieces = r.pieces[1:]
	return first
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// relay passes connections on to an address as if it were far away: whatever
// goes either way takes half a round trip, the end of it included, and making
// the connection takes a whole one. There is no limit to how much is on its way,
// so that neither windows nor slow start are modelled, and nothing is lost.
type relay struct {
	listener  net.Listener
	to        string
	roundTrip time.Duration
}

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

// address returns what clients connect to, by a name that certificates have.
func (r *relay) address() string {
	_, port, _ := net.SplitHostPort(r.listener.Addr().String())
	return net.JoinHostPort("localhost", port)
}

// stop takes no more connections. Those that there are end with their ends.
func (r *relay) stop() { _ = r.listener.Close() }

func (r *relay) join(near net.Conn) {
	far, err := net.Dial("tcp", r.to)
	if err != nil {
		_ = near.Close()
		return
	}
	connect(near, far, r.roundTrip)
}

// connect passes everything on between two connections, and closes them.
func connect(near, far net.Conn, roundTrip time.Duration) {
	// The near end believes that it is connected a round trip before it would
	// be, so what it sends at once leaves later.
	connected := time.Now().Add(roundTrip)
	var running sync.WaitGroup
	running.Go(func() { carry(far, near, connected, roundTrip/2) })
	running.Go(func() { carry(near, far, time.Time{}, roundTrip/2) })
	running.Wait()
	_, _ = near.Close(), far.Close()
}

// piece is what is on its way.
type piece struct {
	content []byte
	err     error // nothing comes after it
	due     time.Time
}

// carry passes on what comes from a connection, each byte after the delay, and
// none as if it had left before a time.
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
		case err != nil: // which the other end learns
			time.Sleep(delay)
			abort(from)
			return
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

// abort closes a connection with a reset, as it is with an end that is not
// there any more.
func abort(connection net.Conn) {
	if connection, ok := connection.(*net.TCPConn); ok {
		_ = connection.SetLinger(0)
	}
	_ = connection.Close()
}

// road holds what is on its way in one direction.
type road struct {
	mu     sync.Mutex
	filled *sync.Cond
	pieces []piece
}

func newRoad() *road {
	r := new(road)
	r.filled = sync.NewCond(&r.mu)
	return r
}

func (r *road) put(p piece) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pieces = append(r.pieces, p)
	r.filled.Signal()
}

func (r *road) take() piece {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.pieces) == 0 {
		r.filled.Wait()
	}
	first := r.pieces[0]
	r.pieces[0] = piece{}
	r.pieces = r.pieces[1:]
	return first
}

// SPDX-License-Identifier: Apache-2.0

package client

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// host is what connections are shared for: the scheme and host of a request's URL.
type host struct{ scheme, address string }

// pool holds idle connections. The one that was used last is taken first, so that
// those that are not needed expire.
type pool struct {
	maxIdle int           // idle connections to a host
	timeout time.Duration // how long one may be idle, or 0

	mu     sync.Mutex
	idle   map[host][]*persistentConn // most recently used last
	timer  *time.Timer                // runs while there are any
	closed bool
}

func (p *pool) init(maxIdle int, timeout time.Duration) {
	if maxIdle == 0 {
		maxIdle = http.DefaultMaxIdleConnsPerHost
	}
	p.maxIdle, p.timeout = maxIdle, timeout
	p.idle = make(map[host][]*persistentConn)
}

// take returns an idle connection that the upstream has not closed, as far as can
// be seen, or nil. Those that are of no use any more are closed on the way.
func (p *pool) take(to host) *persistentConn {
	for {
		connection := p.popLast(to)
		if connection == nil {
			return nil
		}
		if connection.isQuiet() && (p.timeout <= 0 || time.Since(connection.idleSince) < p.timeout) {
			return connection
		}
		connection.close()
	}
}

// popLast removes and returns the connection that was used last, or nil.
func (p *pool) popLast(to host) *persistentConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	idle := p.idle[to]
	if len(idle) == 0 {
		return nil
	}
	last := idle[len(idle)-1]
	idle[len(idle)-1] = nil
	if p.idle[to] = idle[:len(idle)-1]; len(idle) == 1 {
		delete(p.idle, to)
	}
	return last
}

// put adds a connection that has become idle, or closes it if the host has enough.
func (p *pool) put(connection *persistentConn) {
	if !p.add(connection) {
		connection.close()
	}
}

// add adds a connection unless the pool is closed, or full for its host.
func (p *pool) add(connection *persistentConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	idle := p.idle[connection.to]
	if p.closed || len(idle) >= p.maxIdle {
		return false
	}
	connection.reused = true
	connection.idleSince = time.Now()
	p.idle[connection.to] = append(idle, connection)
	if p.timeout > 0 && p.timer == nil {
		p.timer = time.AfterFunc(p.timeout, p.expire)
	}
	return true
}

// expire closes the connections that have been idle for too long, and schedules
// itself for when the next will have been.
func (p *pool) expire() {
	for _, connection := range p.takeExpired() { // outside the lock: closing TLS may block on a write
		connection.close()
	}
}

// takeExpired removes and returns the expired connections.
func (p *pool) takeExpired() (expired []*persistentConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := time.Duration(-1)
	for to, idle := range p.idle {
		count := 0
		for _, connection := range idle { // longest idle first
			if left := p.timeout - time.Since(connection.idleSince); left > 0 {
				if next < 0 || left < next {
					next = left
				}
				break
			}
			expired = append(expired, connection)
			count++
		}
		if count == len(idle) {
			delete(p.idle, to)
		} else if count > 0 {
			p.idle[to] = slices.Clone(idle[count:])
		}
	}
	if p.timer = nil; next >= 0 {
		p.timer = time.AfterFunc(next, p.expire)
	}
	return expired
}

// close closes all idle connections. Afterwards put closes what it is given.
func (p *pool) close() {
	for _, connection := range p.takeAll() {
		connection.close()
	}
}

// takeAll removes and returns all connections, and closes the pool.
func (p *pool) takeAll() (all []*persistentConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, idle := range p.idle {
		all = append(all, idle...)
	}
	clear(p.idle)
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	return all
}

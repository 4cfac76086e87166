// SPDX-License-Identifier: Apache-2.0

package client

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// host is what a connection is made to, as a request's URL has it.
type host struct{ scheme, address string }

// pool keeps connections that are idle.
type pool struct {
	most    int           // idle connections to a host
	timeout time.Duration // how long one may be idle, or 0

	mu     sync.Mutex
	idle   map[host][]*persistentConn // the last was used last
	timer  *time.Timer                // runs while there are any
	closed bool
}

func (p *pool) init(most int, timeout time.Duration) {
	if most == 0 {
		most = http.DefaultMaxIdleConnsPerHost
	}
	p.most, p.timeout = most, timeout
	p.idle = make(map[host][]*persistentConn)
}

// take returns a connection that is idle and that the other side has not closed,
// as far as can be seen, or nil.
func (p *pool) take(to host) *persistentConn {
	for {
		connection := p.last(to)
		if connection == nil {
			return nil
		}
		if connection.isQuiet() && (p.timeout <= 0 || time.Since(connection.idleSince) < p.timeout) {
			return connection
		}
		connection.close()
	}
}

func (p *pool) last(to host) *persistentConn {
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

// put keeps a connection until it is used again, or closes it.
func (p *pool) put(connection *persistentConn) {
	if !p.keep(connection) {
		connection.close()
	}
}

func (p *pool) keep(connection *persistentConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	idle := p.idle[connection.to]
	if p.closed || len(idle) >= p.most {
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

// expire closes the connections that have been idle for too long, and comes
// again when the next may have been.
func (p *pool) expire() {
	for _, connection := range p.takeExpired() { // which may take its time
		connection.close()
	}
}

func (p *pool) takeExpired() (expired []*persistentConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := time.Duration(-1)
	for to, idle := range p.idle {
		count := 0
		for _, connection := range idle { // the first has been idle for longest
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

// close closes all connections that are idle. None is kept any more.
func (p *pool) close() {
	for _, connection := range p.takeAll() {
		connection.close()
	}
}

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

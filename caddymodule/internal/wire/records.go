// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"net"
	"os"
	"sync"
	"sync/atomic"
)

// recordBuffer has room for four TLS records of full size, in bytes.
const recordBuffer = 4 * (16<<10 + 64)

// applicationData is what a record begins with that holds what a user of the
// connection has written (RFC 8446, section 5.1).
const applicationData = 23

// Records is the connection below a TLS connection, which writes each record by
// itself. While a [Conn] sends, records are gathered.
type Records struct {
	net.Conn
	dry atomic.Bool // nothing is read

	mu        sync.Mutex
	gathering bool
	buffer    *[]byte
	length    int // of what is in it
	err       error
}

// NewRecords returns a connection to put below a [crypto/tls.Conn].
func NewRecords(connection net.Conn) *Records { return &Records{Conn: connection} }

// NetConn returns the connection that it writes to.
func (r *Records) NetConn() net.Conn { return r.Conn }

// Read implements [net.Conn].
func (r *Records) Read(p []byte) (int, error) {
	if r.dry.Load() {
		return 0, os.ErrDeadlineExceeded // after which TLS goes on
	}
	return r.Conn.Read(p)
}

// Write implements [net.Conn]. Records that the other side may be waiting for,
// such as those of a handshake, do not wait.
func (r *Records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gathering && len(p) > 0 && p[0] == applicationData && len(p) <= recordBuffer {
		if err := r.add(p); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	if err := r.write(); err != nil {
		return 0, err
	}
	return r.Conn.Write(p)
}

// add puts p into the buffer, after what is in it has been written if p has no
// room.
func (r *Records) add(p []byte) error {
	if len(p) > recordBuffer-r.length {
		if err := r.write(); err != nil {
			return err
		}
	}
	if r.buffer == nil {
		r.buffer = recordBuffers.Get().(*[]byte)
	}
	r.length += copy((*r.buffer)[r.length:], p)
	return nil
}

func (r *Records) write() error {
	if r.length == 0 || r.err != nil {
		return r.err
	}
	_, r.err = r.Conn.Write((*r.buffer)[:r.length])
	r.length = 0
	return r.err
}

// gather begins to gather.
func (r *Records) gather() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gathering = true
}

// flush writes what has been gathered.
func (r *Records) flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gathering = false
	err := r.write()
	if r.buffer != nil {
		recordBuffers.Put(r.buffer)
		r.buffer = nil
	}
	return err
}

// Interface guard
var _ net.Conn = (*Records)(nil)

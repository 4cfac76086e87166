// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"net"
	"os"
	"sync"
	"sync/atomic"
)

// recordBuffer has room for four TLS records of full size, in bytes: 16 KiB of data
// each (RFC 8446, section 5.1), with header, padding and tag.
const recordBuffer = 4 * (16<<10 + 64)

// applicationData is the first byte of a record of application data (RFC 8446,
// section 5.1), as opposed to one of a handshake or an alert.
const applicationData = 23

// Records is the connection below a [tls.Conn], which writes each record in a system
// call of its own. While a [Conn] sends a piece, Records gathers the records and
// writes several at once.
type Records struct {
	net.Conn
	dry atomic.Bool // Read returns a deadline's error; see TLSConn.Drained

	mu        sync.Mutex
	gathering bool
	buffer    *[]byte
	length    int   // bytes in it
	err       error // of a write; sticks, for the stream of records has a gap then
}

// NewRecords returns a connection to put below a [tls.Conn].
func NewRecords(connection net.Conn) *Records { return &Records{Conn: connection} }

// NetConn returns the connection below.
func (r *Records) NetConn() net.Conn { return r.Conn }

// Read implements [net.Conn].
func (r *Records) Read(p []byte) (int, error) {
	if r.dry.Load() {
		return 0, os.ErrDeadlineExceeded // a timeout, after which crypto/tls can be read again
	}
	return r.Conn.Read(p)
}

// Write implements [net.Conn]. Records that the other side may be waiting for, such
// as those of a handshake or a key update, are written at once, after those that
// have been gathered: TLS numbers records, so their order must not change.
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

// add appends p to the buffer, which is written first if p does not fit.
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

// write writes what has been gathered.
func (r *Records) write() error {
	if r.length == 0 || r.err != nil {
		return r.err
	}
	_, r.err = r.Conn.Write((*r.buffer)[:r.length])
	r.length = 0
	return r.err
}

// gather makes Write gather records until flush is called.
func (r *Records) gather() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gathering = true
}

// flush writes what has been gathered, and ends gathering.
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

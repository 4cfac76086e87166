// SPDX-License-Identifier: Apache-2.0

// Package upstream chooses how the bodies of requests reach an upstream.
//
// What Go's HTTP client does is right for most bodies: the head leaves in one
// write, what is read of the body in another, 32 KiB at a time, through a buffer
// that is made anew for each request. For a proxy whose work is uploads it is
// most of the work. A [Conn] does the same with fewer and larger writes:
//
//   - What is read is gathered until a buffer is full, the body has ended, or
//     the first byte in it has waited for [MaxHold]. The head goes with it. A
//     body that has kept a byte waiting is not gathered until it is fast.
//   - Buffers come from a pool, and are large only while a body is fast.
//   - Over TLS, records have their full size, and many leave in one write.
package upstream

import (
	"sync"
	"time"
)

const (
	// MaxHold is how long a byte may wait for others to go with it.
	MaxHold = 5 * time.Millisecond

	// SmallBuffer is the size of the buffer that a body begins with, in bytes:
	// that of the standard library's.
	SmallBuffer = 32 << 10
	// LargeBuffer is the size of the buffer of a body that is fast, in bytes.
	LargeBuffer = 512 << 10

	// A step of a body is fast if these bytes take less than this time: at 32
	// MiB/s or more.
	stepSize = 256 << 10
	stepTime = 8 * time.Millisecond
	// largeLead is how many fast steps a body must be ahead for its buffer to be
	// large, and maxLead how many it can be ahead: a slow step takes back as many
	// as would have fitted into its time. That is more than what gathers in
	// sockets while a process is kept from running.
	largeLead = 16
	maxLead   = 64
)

// buffers keeps those of one size.
type buffers struct{ pool sync.Pool }

func newBuffers(size int) *buffers {
	return &buffers{sync.Pool{New: func() any {
		buffer := make([]byte, size)
		return &buffer
	}}}
}

func (b *buffers) get() *[]byte       { return b.pool.Get().(*[]byte) }
func (b *buffers) put(buffer *[]byte) { b.pool.Put(buffer) }

var (
	smallBuffers  = newBuffers(SmallBuffer)
	largeBuffers  = newBuffers(LargeBuffer)
	recordBuffers = newBuffers(recordBuffer)
)

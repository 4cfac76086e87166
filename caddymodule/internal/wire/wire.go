// SPDX-License-Identifier: Apache-2.0

// Package wire chooses how the bodies of requests reach a connection.
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
package wire

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// MaxHold is how long a byte may wait for others to go with it.
	MaxHold = 5 * time.Millisecond

	// SmallBuffer is the size of the buffer that a body begins with, in bytes:
	// that of the standard library's.
	SmallBuffer = 32 << 10
	// LargeBuffer is the size of the largest buffer, in bytes: as much as a
	// socket holds of what is to be sent, as Linux comes (tcp_wmem). Most of what
	// an upload costs is waking who waits for it, and that costs the same
	// whatever the size.
	LargeBuffer = 4 << 20
	// maxGathered is as much as is gathered, in bytes. What is read in one piece
	// leaves in one, but where pieces are small, as over TLS, more of them would
	// only leave the processor's cache before they are sent.
	maxGathered = 256 << 10
	// bufferTime is the time of a body that a larger buffer has room for.
	bufferTime = 32 * time.Millisecond
	// maxLarger is what the larger buffers that are in use take together, in
	// bytes: a client that was fast and then stalls holds one for as long as it
	// likes. When there is no more, bodies have small ones.
	maxLarger = 64 << 20
)

// bufferSizes are those that buffers have. A body has the largest of which it
// fills one in [bufferTime]: from 32 and from 128 MiB/s on.
var bufferSizes = [...]int{SmallBuffer, 1 << 20, LargeBuffer}

// buffers are at hand, by the index of their size.
var buffers = [len(bufferSizes)]*sync.Pool{newPool(bufferSizes[0]), newPool(bufferSizes[1]), newPool(bufferSizes[2])}

// recordBuffers have the size of a [recordBuffer].
var recordBuffers = newPool(recordBuffer)

// larger is how many bytes the larger buffers that are in use take.
var larger atomic.Int64

// takeBuffer returns a buffer of the size with the given index, or a smaller one.
func takeBuffer(size int) (buffer *[]byte, got int) {
	for ; size > 0; size-- {
		if larger.Add(int64(bufferSizes[size])) <= maxLarger {
			break
		}
		larger.Add(-int64(bufferSizes[size]))
	}
	return buffers[size].Get().(*[]byte), size
}

// giveBuffer gives back what takeBuffer returned.
func giveBuffer(buffer *[]byte, size int) {
	if size > 0 {
		larger.Add(-int64(bufferSizes[size]))
	}
	buffers[size].Put(buffer)
}

// newPool returns one of pointers to slices.
func newPool(size int) *sync.Pool {
	return &sync.Pool{New: func() any {
		buffer := make([]byte, size)
		return &buffer
	}}
}

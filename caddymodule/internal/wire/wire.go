// SPDX-License-Identifier: Apache-2.0

// Package wire writes request bodies to a connection in fewer and larger pieces
// than net/http does. The bytes and their order are the same. An error of the body
// or of the connection ends a body at once; an error of bytes that were held back
// is returned by the next write, at the latest at the body's end.
//
// net/http's client writes the head of a request, and then the body 32 KiB at a
// time, through a buffer that it allocates for each request. That is right for most
// programs. In a proxy for uploads, these system calls and the wake-ups that they
// cause are most of the work. A [Conn] does with fewer of them:
//
//   - What is read of a body is gathered until a buffer is full, the body has ended,
//     or the first gathered byte has waited for [MaxHold]. The head goes with it. A
//     slow body, which has kept a byte waiting, is not gathered until it is fast.
//   - Buffers come from a pool, and are large only while a body is fast.
//   - Over TLS, records have their full size, and several leave in one write.
package wire

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// MaxHold is how long a byte may wait for others to be written with it.
	MaxHold = 5 * time.Millisecond

	// SmallBuffer is the size of the buffer that a body begins with, in bytes, as
	// in [io.Copy].
	SmallBuffer = 32 << 10
	// LargeBuffer is the size of the largest buffer, in bytes: the most that Linux
	// buffers for a socket by default (tcp_wmem). Most of what a large upload costs
	// is waking the process at the other end of a socket, and a wake-up costs the
	// same whatever the size.
	LargeBuffer = 4 << 20
	// maxGathered is the most that is gathered from several Reads, in bytes. What a
	// single Read returned is written as one piece whatever its size. But where
	// Reads are small, as over TLS, gathering more would only move the data out of
	// the processor's cache before it is sent.
	maxGathered = 256 << 10
	// bufferTime is how much of a body, at its rate, a larger buffer has room for.
	bufferTime = 32 * time.Millisecond
	// maxLarger bounds what all larger buffers in use take together, in bytes: a
	// client that was fast and then stalls holds one for as long as it likes.
	// Beyond it, bodies get small ones.
	maxLarger = 64 << 20
)

// bufferSizes are the sizes of buffers, in bytes. A body gets the largest that it
// fills within [bufferTime]: from 32 MiB/s on the second, from 128 MiB/s the third.
var bufferSizes = [...]int{SmallBuffer, 1 << 20, LargeBuffer}

// buffers are pools of buffers, by the index of their size.
var buffers = [len(bufferSizes)]*sync.Pool{newPool(bufferSizes[0]), newPool(bufferSizes[1]), newPool(bufferSizes[2])}

// recordBuffers is a pool of buffers of the size [recordBuffer].
var recordBuffers = newPool(recordBuffer)

// larger is how many bytes the larger buffers in use take.
var larger atomic.Int64

// takeBuffer returns a buffer of the size with the given index, or of a smaller one
// if maxLarger allows no more, and the index that it got.
func takeBuffer(size int) (buffer *[]byte, got int) {
	for ; size > 0; size-- {
		if larger.Add(int64(bufferSizes[size])) <= maxLarger {
			break
		}
		larger.Add(-int64(bufferSizes[size]))
	}
	return buffers[size].Get().(*[]byte), size
}

// giveBuffer returns a buffer of takeBuffer's to its pool.
func giveBuffer(buffer *[]byte, size int) {
	if size > 0 {
		larger.Add(-int64(bufferSizes[size]))
	}
	buffers[size].Put(buffer)
}

// newPool returns a pool of pointers to slices: a slice itself would be allocated
// anew to be put into the pool's interface.
func newPool(size int) *sync.Pool {
	return &sync.Pool{New: func() any {
		buffer := make([]byte, size)
		return &buffer
	}}
}

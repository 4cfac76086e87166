// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"math/bits"
	"sync"
)

// maxKeptSize is the size of the largest form that is kept, in bytes: copied while it
// passes, for a retry with another credential. Larger ones, and those of unknown length,
// are streams, of which nothing is held, so that the memory of an upload does not grow
// with the file; and so is one for which there is no room in [bodyMemory]. A urlencoded
// body is held anyway, and can be retried whatever its size.
const maxKeptSize = 64 << 10

// minKeptBuffer is the size of the smallest buffer, in bytes; each further size is twice
// as large. A body that comes in pieces moves to a buffer with room for four times as much
// as has come: if it got its announced length at once, clients that announce much and
// send little would take the room from others.
const minKeptBuffer = 4 << 10

// keptBuffers are buffers to be reused, by size. They hold pointers to slices, for a slice
// itself would be allocated anew each time that it is put into an interface.
var keptBuffers [5]sync.Pool // of 4, 8, 16, 32 and 64 KiB

// keptClass returns the index, in keptBuffers, of the smallest size that length fits into.
func keptClass(length int) int { return bits.Len(uint(max(length-1, 0)) / minKeptBuffer) } //nolint:gosec // not negative

// keptBody is what has come of a body that is kept.
type keptBody struct {
	length int     // of the whole body, or 0 if it is not kept, or not any more
	buffer *[]byte // nil before the first byte
}

// keepMore adds what has been read to a body that is kept. If there is no room, the body
// is a stream from then on: to wait for room would slow each upload of a burst down, for
// the sake of a retry that hardly any needs.
func (b *incomingBody) keepMore(p []byte) {
	if b.kept.length == 0 || len(p) == 0 {
		return
	}
	if more := b.kept.growthFor(len(p)); more > 0 && !bodyMemory.TryTake(&b.held, more) {
		b.kept.length = 0
		return
	}
	b.kept.add(p)
}

// growthFor returns by how much the buffer has to be larger to add n bytes.
func (k *keptBody) growthFor(n int) int {
	had := 0
	if k.buffer != nil {
		had = cap(*k.buffer)
		n += len(*k.buffer)
	}
	if n <= had || n > k.length {
		return 0
	}
	return minKeptBuffer<<k.class(n) - had
}

// class returns the index of the buffer's size for a body of which n bytes have come.
func (k *keptBody) class(n int) int {
	if n < k.length {
		n = min(4*n, k.length)
	}
	return keptClass(n)
}

// add appends what has been read.
func (k *keptBody) add(p []byte) {
	if k.length == 0 {
		return
	}
	size := len(p)
	if k.buffer != nil {
		size += len(*k.buffer)
	}
	if size > k.length { // longer than its Content-Length: a handler before has replaced the body
		k.length = 0
		return
	}
	if k.buffer == nil || size > cap(*k.buffer) {
		k.grow(k.class(size))
	}
	*k.buffer = append(*k.buffer, p...)
}

// grow moves what has come to a buffer of a larger size.
func (k *keptBody) grow(class int) {
	larger, pooled := keptBuffers[class].Get().(*[]byte)
	if !pooled {
		fresh := make([]byte, 0, minKeptBuffer<<class)
		larger = &fresh
	}
	if k.buffer != nil {
		*larger = append(*larger, *k.buffer...)
		recycleKept(k.buffer)
	}
	k.buffer = larger
}

// recycleKept returns a buffer to those that can be reused.
func recycleKept(buffer *[]byte) {
	*buffer = (*buffer)[:0]
	keptBuffers[keptClass(cap(*buffer))].Put(buffer)
}

// isKept reports whether a body of that length is kept while it is read.
func isKept(length int64) bool { return length > 0 && length <= maxKeptSize }

// keep has the body kept while it is read, if it is small enough. It must be called before
// the first Read.
func (b *incomingBody) keep(length int64) {
	if isKept(length) {
		b.kept.length, b.keeps = int(length), true
	}
}

// takeKept returns the whole body, if it was kept and has come to its end. Its buffer is
// the caller's then, and not reused: the proxy may read it after the request.
func (b *incomingBody) takeKept() ([]byte, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kept.length == 0 || b.kept.buffer == nil || len(*b.kept.buffer) != b.kept.length {
		return nil, false
	}
	whole := *b.kept.buffer
	b.kept = keptBody{}
	return whole, true
}

// recycle gives back what the body is held in, once the request is over. The proxy's
// goroutine may still be in a Read, and will then add to the buffer what the client sends;
// so the buffer is left to it, since another request's body would be mixed with that. A
// later Read finds no buffer to add to, and gets none. recycle may be called more than
// once.
func (b *incomingBody) recycle() {
	if b == nil {
		return
	}
	bodyMemory.Release(&b.held)
	if b.small != nil {
		smallBodyMemory.Release(b.small)
	}
	if !b.mu.TryLock() {
		return
	}
	defer b.mu.Unlock()
	if buffer := b.kept.buffer; buffer != nil {
		recycleKept(buffer)
	}
	b.kept = keptBody{}
}

// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"math/bits"
	"sync"
)

// maxKeptSize is the largest body that is kept while it passes, in bytes, so
// that it can be sent again with another credential. Larger ones, and those of
// unknown length, are streams, of which nothing is held, and so is one that finds
// no room in [bodyMemory]. Params are held anyway, and count as kept whatever
// their size.
const maxKeptSize = 64 << 10

// minKeptBuffer is the size of the smallest buffer, in bytes. The others are
// each twice as large as the one before. A body that comes in pieces moves to one
// with room for four times as much as has come, so that who announces much and
// sends little takes no room from others.
const minKeptBuffer = 4 << 10

// keptBuffers are at hand for the bodies that are kept, by size. In them lie
// pointers to slices.
var keptBuffers [5]sync.Pool // of 4, 8, 16, 32 and 64 KiB

// keptClass returns the index of the smallest buffers that length fits into.
func keptClass(length int) int { return bits.Len(uint(max(length-1, 0)) / minKeptBuffer) } //nolint:gosec // not negative

// keptBody is what has come of a body that is kept.
type keptBody struct {
	length int     // what it will be
	buffer *[]byte // nil before the first byte
}

// keepMore keeps what has been read of a body that is kept, if there is room.
func (b *incomingBody) keepMore(p []byte) {
	if b.kept.length == 0 || len(p) == 0 {
		return
	}
	if more := b.kept.more(len(p)); more > 0 && !bodyMemory.TryTake(&b.held, more) {
		b.kept.length = 0
		return
	}
	b.kept.add(p)
}

// more returns by how much the buffer has to be larger to add n bytes.
func (k *keptBody) more(n int) int {
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

// class returns that of the buffer for a body of which n bytes have come.
func (k *keptBody) class(n int) int {
	if n < k.length {
		n = min(4*n, k.length)
	}
	return keptClass(n)
}

// add takes note of what has been read.
func (k *keptBody) add(p []byte) {
	if k.length == 0 {
		return
	}
	size := len(p)
	if k.buffer != nil {
		size += len(*k.buffer)
	}
	if size > k.length { // more than was announced: that is none of ours
		k.length = 0
		return
	}
	if k.buffer == nil || size > cap(*k.buffer) {
		k.grow(k.class(size))
	}
	*k.buffer = append(*k.buffer, p...)
}

// grow moves what has come to a larger buffer.
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

// recycleKept puts a buffer where the next body of its size finds it.
func recycleKept(buffer *[]byte) {
	*buffer = (*buffer)[:0]
	keptBuffers[keptClass(cap(*buffer))].Put(buffer)
}

// isKept reports whether a body of that length is kept while it is read.
func isKept(length int64) bool { return length > 0 && length <= maxKeptSize }

// keep makes the body one that is kept while it is read, if it is small enough.
func (b *incomingBody) keep(length int64) {
	if isKept(length) {
		b.kept.length, b.keeps = int(length), true
	}
}

// all returns the whole body, if it was kept and has come. Its buffer is not used
// for another one any more.
func (b *incomingBody) all() ([]byte, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kept.length == 0 || b.kept.buffer == nil || len(*b.kept.buffer) != b.kept.length {
		return nil, false
	}
	whole := *b.kept.buffer
	b.kept = keptBody{}
	return whole, true
}

// recycle gives back what the body is held in, once the request is over. The proxy
// may still be reading the body: whoever waits for the client's next bytes will
// add them, so then the buffer is left to him. Whoever reads later finds none to
// add to, nor room for one. It may be called more than once.
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

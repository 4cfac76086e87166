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
// each twice as large as the one before.
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
	if b.kept.buffer == nil && !bodyMemory.TryTake(&b.held, minKeptBuffer<<keptClass(b.kept.length)) {
		b.kept.length = 0
		return
	}
	b.kept.add(p)
}

// add takes note of what has been read.
func (k *keptBody) add(p []byte) {
	if k.length == 0 {
		return
	}
	if k.buffer == nil {
		class := keptClass(k.length)
		if pooled, ok := keptBuffers[class].Get().(*[]byte); ok {
			k.buffer = pooled
		} else {
			fresh := make([]byte, 0, minKeptBuffer<<class)
			k.buffer = &fresh
		}
	}
	if len(*k.buffer)+len(p) > k.length { // more than was announced: that is none of ours
		k.length = 0
		return
	}
	*k.buffer = append(*k.buffer, p...)
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
	if !b.mu.TryLock() {
		return
	}
	defer b.mu.Unlock()
	if buffer := b.kept.buffer; buffer != nil {
		*buffer = (*buffer)[:0]
		keptBuffers[keptClass(cap(*buffer))].Put(buffer)
	}
	b.kept = keptBody{}
}

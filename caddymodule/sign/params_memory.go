// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/memory"
)

// maxHeldBodies bounds what is held of all bodies together, in bytes: of
// urlencoded ones and of those that are kept to be sent again. Beside small ones,
// it has room for sixty urlencoded bodies of the largest size at a time, or for
// some five hundred pictures that can be sent again. The garbage collector lets
// the process grow by twice as much, and so a burst takes no more than 150 MB.
const maxHeldBodies = 40 << 20

// maxSmallBodies is the part of maxHeldBodies that is for urlencoded bodies of no
// more than a first piece, so that they never wait for larger ones, in bytes. A
// thousand clients can stop in the middle of such a body at a time, if they
// announce as much as that; tens of thousands with bodies as they usually are, of
// some hundred bytes, for which the connections take more.
const maxSmallBodies = 1024 * 2 * firstParamsPiece

var (
	// bodyMemory is where all bodies that are held take their bytes from, but
	// for those that smallBodyMemory has room for.
	bodyMemory = newBodyMemory()
	// smallBodyMemory is where urlencoded bodies begin that are small, or may be.
	// Nobody waits for it.
	smallBodyMemory = newSmallBodyMemory()
)

func newBodyMemory() *memory.Bound {
	const size = maxHeldBodies - maxSmallBodies
	return &memory.Bound{
		Size: size,
		// In a burst, some twenty of the largest bodies come at a time, one after
		// the other, instead of a part of each.
		Reserve: size * 3 / 4,
		// One is held twice where its pieces are joined.
		Share:    2*maxParamsSize + paramsPiece,
		Optional: size / 2,
		Wait:     maxParamsWait,
		Patience: maxParamsStall,
	}
}

func newSmallBodyMemory() *memory.Bound {
	return &memory.Bound{Size: maxSmallBodies, Optional: maxSmallBodies}
}

// crowded reports whether room for small bodies has to be made.
func crowded() bool { return smallBodyMemory.Held() > maxSmallBodies/2 }

const (
	// firstParamsPiece is what is held of a body that begins, in bytes. Nearly
	// all are smaller.
	firstParamsPiece = 4 << 10
	// paramsPiece is what is held more of each time, in bytes.
	paramsPiece = 16 << 10

	// maxParamsWait is how long one body waits for memory. A burst is over by
	// then, and a client has not given up.
	maxParamsWait = 30 * time.Second
	// maxParamsStall is how long one that has been given room before others takes
	// for a further piece, until others that wait get that room. It is more than
	// a network takes for it, unless that or the client is slow.
	maxParamsStall = time.Second
)

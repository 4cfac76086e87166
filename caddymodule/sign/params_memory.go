// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/memory"
)

// maxHeldBodies is the limit of what is held of all bodies together, in bytes: of
// urlencoded ones and of those that are kept for a retry. Without it, a burst of clients
// would decide how much memory the process takes. Beside small bodies, there is room for
// sixty urlencoded bodies of the largest size at a time, or for some five hundred
// pictures. The garbage collector lets the process grow by twice as much, and so a burst
// takes no more than 150 MB.
const maxHeldBodies = 40 << 20

// maxSmallBodies is the part of maxHeldBodies, in bytes, that is reserved for urlencoded
// bodies of no more than a first piece, so that they never wait for larger ones. It has
// room for a thousand clients at a time that announce a whole piece and stop in the
// middle of it, and for tens of thousands with bodies of the usual size of some hundred
// bytes, for which the connections take more.
const maxSmallBodies = 1024 * 2 * firstParamsPiece

var (
	// bodyMemory counts the bytes of all bodies that are held, but for those that
	// smallBodyMemory counts. It is one for the process, as memory is, and not one for
	// each handler, of which a config may have many.
	bodyMemory = newBodyMemory()
	// smallBodyMemory counts urlencoded bodies that are small, or of unknown length and
	// may be. A body that finds no room takes it of bodyMemory; none waits for this one.
	smallBodyMemory = newSmallBodyMemory()
)

func newBodyMemory() *memory.Bound {
	const size = maxHeldBodies - maxSmallBodies
	return &memory.Bound{
		Size: size,
		// In a burst, some twenty of the largest bodies are read to their end at a
		// time. If all were read in part, each would wait for what the others hold.
		Reserve: size * 3 / 4,
		// A body is held twice for a moment, when its pieces are joined.
		Share:    2*maxParamsSize + paramsPiece,
		Optional: size / 2,
		Wait:     maxParamsWait,
		Patience: maxParamsStall,
	}
}

func newSmallBodyMemory() *memory.Bound {
	return &memory.Bound{Size: maxSmallBodies, Optional: maxSmallBodies}
}

// crowded reports whether half of the room for small bodies is taken, from when on their
// clients have to keep a pace.
func crowded() bool { return smallBodyMemory.Held() > maxSmallBodies/2 }

const (
	// firstParamsPiece is the most that is taken for a body's beginning, in bytes. Nearly
	// all bodies are smaller.
	firstParamsPiece = 4 << 10
	// paramsPiece is what is taken for each further piece, in bytes.
	paramsPiece = 16 << 10

	// maxParamsWait is how long one body waits for memory. Most bursts are over by
	// then, and most clients have not given up.
	maxParamsWait = 30 * time.Second
	// maxParamsStall is how long a body to which the room for its rest was promised may
	// take for a further piece, until that promise goes to others that wait. It is more
	// than a network takes for a piece, unless the network or the client is slow.
	maxParamsStall = time.Second
)

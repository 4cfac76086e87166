// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/memory"
)

// maxHeldBodies bounds what is held of all bodies together, in bytes: of
// urlencoded ones and of those that are kept to be sent again. It has room for
// eighty urlencoded bodies of the largest size at a time, or for some six
// hundred pictures that can be sent again. The garbage collector lets the process
// grow by twice as much, and so a burst takes no more than 150 MB.
const maxHeldBodies = 40 << 20

// bodyMemory is where all bodies that are held take their bytes from.
var bodyMemory = newBodyMemory()

func newBodyMemory() *memory.Bound {
	return &memory.Bound{
		Size: maxHeldBodies,
		// In a burst, some thirty of the largest bodies come at a time, one after
		// the other, instead of a part of each.
		Reserve: maxHeldBodies * 3 / 4,
		// One is held twice where its pieces are joined.
		Share:    2*maxParamsSize + paramsPiece,
		Optional: maxHeldBodies / 2,
		Wait:     maxParamsWait,
	}
}

const (
	// firstParamsPiece is what is held of a body that begins, in bytes. Nearly
	// all are smaller.
	firstParamsPiece = 4 << 10
	// paramsPiece is what is held more of each time, in bytes.
	paramsPiece = 16 << 10

	// maxParamsWait is how long one body waits for memory. A burst is over by
	// then, and a client has not given up.
	maxParamsWait = 30 * time.Second
	// maxParamsPause and minParamsRate are for clients of which more than a first
	// piece is held, so that none keeps it from the others: how long it may send
	// nothing, and how many bytes it sends in a second at least, once such a
	// pause is over. A client on a bad line has sent a first piece with its head,
	// and is given as much time for that as the server gives.
	maxParamsPause = 10 * time.Second
	minParamsRate  = 4 << 10
)

// paramsPieces are at hand for what comes, in pieces of [paramsPiece].
var paramsPieces = sync.Pool{New: func() any { return new([paramsPiece]byte) }}

// paramsReader reads a urlencoded body. It takes memory for what has come, not
// for what is announced, and a byte is there before it does: a client that sends
// nothing waits for nothing but its own time limit.
type paramsReader struct {
	body    *incomingBody
	control *http.ResponseController
	length  int64 // as announced, or negative
	began   time.Time
	limited bool // there is a deadline

	first  []byte
	others []*[paramsPiece]byte
	size   int
}

// hold reads the body to its end and returns it, held in [bodyMemory] until the
// body is released.
func (b *incomingBody) hold(ctx context.Context, w http.ResponseWriter, length int64) (string, error) {
	r := &paramsReader{body: b, control: http.NewResponseController(w), length: length, began: time.Now()}
	defer r.recycle()
	defer r.unlimit()
	var whole string
	err := r.readAll(ctx)
	if err == io.EOF { //nolint:errorlint // readers return io.EOF itself
		whole, err = r.join(ctx)
	}
	if errors.Is(err, context.Canceled) { // of the wait; a read that fails ends the context, too
		err = fmt.Errorf("%w: %w", errClientGone, err)
	}
	return whole, err
}

// readAll reads until an error, or the end.
func (r *paramsReader) readAll(ctx context.Context) error {
	var next [1]byte
	for {
		r.setDeadline()
		n, err := r.body.Read(next[:])
		if n > 0 && r.size == maxParamsSize {
			return &http.MaxBytesError{Limit: maxParamsSize}
		}
		if n > 0 {
			room, takeErr := r.grow(ctx)
			if takeErr != nil {
				return takeErr
			}
			room[0] = next[0]
			r.size++
			if err == nil {
				err = r.fill(room[1:])
			}
		}
		if err != nil {
			return err
		}
	}
}

// fill reads into room until that is full.
func (r *paramsReader) fill(room []byte) error {
	for len(room) > 0 {
		r.setDeadline()
		n, err := r.body.Read(room)
		r.size += n
		if room = room[n:]; err != nil {
			return err
		}
	}
	return nil
}

// grow returns room for the next piece.
func (r *paramsReader) grow(ctx context.Context) ([]byte, error) {
	size, left := paramsPiece, maxParamsSize-r.size
	if r.first == nil {
		size = firstParamsPiece
		if r.length > 0 {
			size = int(min(r.length, int64(size)))
		}
	}
	before := r.body.held.Waited()
	if err := bodyMemory.Take(ctx, &r.body.held, size, r.unlimit); err != nil {
		return nil, err
	}
	r.began = r.began.Add(r.body.held.Waited() - before) // that pause was not the client's
	if r.first == nil {
		r.first = make([]byte, size)
		return r.first, nil
	}
	piece := paramsPieces.Get().(*[paramsPiece]byte)
	r.others = append(r.others, piece)
	return piece[:min(size, left)], nil
}

// setDeadline bounds how long the client may take for what comes next. Caddy has
// it end sooner if its own limits are tighter.
func (r *paramsReader) setDeadline() {
	if r.size < firstParamsPiece {
		return
	}
	slowest := r.began.Add(maxParamsPause + time.Duration(r.size)*time.Second/minParamsRate)
	if pause := time.Now().Add(maxParamsPause); pause.Before(slowest) {
		slowest = pause
	}
	_ = r.control.SetReadDeadline(slowest) // what has no deadlines is no connection
	r.limited = true
}

// unlimit takes the deadline away. Over HTTP/2 it would end a body that nobody
// reads, too.
func (r *paramsReader) unlimit() {
	if r.limited {
		_ = r.control.SetReadDeadline(time.Time{})
		r.limited = false
	}
}

// join returns what has come, in one piece.
func (r *paramsReader) join(ctx context.Context) (string, error) {
	if err := bodyMemory.Take(ctx, &r.body.held, r.size, nil); err != nil {
		return "", err
	}
	var whole strings.Builder
	whole.Grow(r.size)
	whole.Write(r.first[:min(r.size, len(r.first))])
	for _, piece := range r.others {
		whole.Write(piece[:min(r.size-whole.Len(), paramsPiece)])
	}
	bodyMemory.Give(&r.body.held, len(r.first)+len(r.others)*paramsPiece)
	bodyMemory.Settle(&r.body.held)
	return whole.String(), nil
}

func (r *paramsReader) recycle() {
	for _, piece := range r.others {
		paramsPieces.Put(piece)
	}
}

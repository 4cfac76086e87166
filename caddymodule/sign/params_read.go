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

// paramsPieces are pieces to be reused, which spares the garbage collector a burst.
var paramsPieces = sync.Pool{New: func() any { return new([paramsPiece]byte) }}

// paramsReader reads a urlencoded body. It takes memory for what has arrived, not for
// what is announced, and only once the first byte of a piece is there: clients that
// announce much and send nothing would otherwise hold all of the memory.
type paramsReader struct {
	body    *incomingBody
	control *http.ResponseController
	length  int64 // by Content-Length, or negative
	small   bool  // what is held is in smallBodyMemory
	pace    pace
	limited bool // setDeadline has set one

	first  []byte               // the first piece, nil before the first byte
	others []*[paramsPiece]byte // the further ones
	size   int                  // what has arrived, in bytes
}

// hold reads the body to its end and returns it. Its memory is counted by [bodyMemory] or
// [smallBodyMemory] until recycle is called.
func (b *incomingBody) hold(ctx context.Context, w http.ResponseWriter, length int64) (string, error) {
	r := &paramsReader{body: b, control: http.NewResponseController(w), length: length}
	defer r.recycle()
	defer r.unlimit()
	var whole string
	err := r.readAll(ctx)
	if err == io.EOF { //nolint:errorlint // readers return io.EOF itself
		whole, err = r.join(ctx)
	}
	if errors.Is(err, context.Canceled) { // the wait was; a Read that fails cancels the context, too
		err = fmt.Errorf("%w: %w", errClientGone, err)
	}
	return whole, err
}

// readAll reads until an error, io.EOF among them. One byte is read first, and then room
// is taken for the piece that it begins.
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

// fill reads until room is full, or an error.
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

// grow returns room for the next piece, for which it may wait.
func (r *paramsReader) grow(ctx context.Context) ([]byte, error) {
	if r.first == nil {
		return r.begin(ctx)
	}
	size := paramsPiece
	if r.small {
		size += len(r.first) // the body is not small after all: what it has is counted here now
	}
	if err := r.take(ctx, size); err != nil {
		return nil, err
	}
	if r.small {
		r.small = false
		smallBodyMemory.Release(r.body.small)
		r.pace = pace{began: time.Now()}
	}
	piece := paramsPieces.Get().(*[paramsPiece]byte)
	r.others = append(r.others, piece)
	return piece[:min(paramsPiece, maxParamsSize-r.size)], nil
}

// begin returns room for the first piece. A body that may become large, and would hold
// its room while it waits for more, takes none from small ones when they are short of it.
func (r *paramsReader) begin(ctx context.Context) ([]byte, error) {
	size := firstParamsPiece
	if r.length > 0 {
		size = int(min(r.length, int64(size)))
	}
	if r.length > 0 && r.length <= firstParamsPiece || r.length < 0 && !crowded() {
		r.body.small = new(memory.Holder)
		r.small = smallBodyMemory.TryTake(r.body.small, 2*size) // twice, for the string that join makes
	}
	if !r.small {
		if err := r.take(ctx, size); err != nil {
			return nil, err
		}
	}
	r.pace = pace{began: time.Now()}
	r.first = make([]byte, size)
	return r.first, nil
}

// take takes size more bytes of [bodyMemory]. The time that it waits does not count for
// the client's pace.
func (r *paramsReader) take(ctx context.Context, size int) error {
	before := r.body.held.Waited()
	err := bodyMemory.Take(ctx, &r.body.held, size, r.unlimit)
	r.pace.paused += r.body.held.Waited() - before
	return err
}

// setDeadline limits how long the client may take for the next bytes. Caddy's own limits
// still count if they are tighter. While there is room for others, a small body has no
// limit but the server's, for the sake of clients on a bad line.
func (r *paramsReader) setDeadline() {
	if r.first == nil || r.small && !crowded() {
		r.unlimit()
		return
	}
	_ = r.control.SetReadDeadline(r.pace.deadline(r.size)) // an error means that there is no connection, as in tests
	r.limited = true
}

// unlimit removes the deadline. Over HTTP/2, it would break the stream even while the
// gateway waits for memory and reads nothing.
func (r *paramsReader) unlimit() {
	if r.limited {
		_ = r.control.SetReadDeadline(time.Time{})
		r.limited = false
	}
}

// join returns the body as one string, and gives the memory of the pieces back.
func (r *paramsReader) join(ctx context.Context) (string, error) {
	switch {
	case r.size == 0:
		return "", nil
	case r.small:
		whole := string(r.first[:r.size])
		smallBodyMemory.Give(r.body.small, 2*len(r.first)-r.size)
		return whole, nil
	}
	if err := r.take(ctx, r.size); err != nil {
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

// recycle returns the pieces for other bodies. join has copied what was in them.
func (r *paramsReader) recycle() {
	for _, piece := range r.others {
		paramsPieces.Put(piece)
	}
}

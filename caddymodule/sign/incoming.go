// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/memory"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// Bounds of what is read off when an answer has been given before the body was
// through. A client that sends on without looking would otherwise meet a reset
// connection instead of the answer.
const (
	// maxDrainSize is above the largest direct upload, in bytes.
	maxDrainSize = uploadapi.DirectUploadLimit + 28<<20
	// maxDrainTime is how long it may take.
	maxDrainTime = 30 * time.Second
	// maxDrainPause is how long a client may send nothing meanwhile: it has
	// seen the answer, or never will.
	maxDrainPause = 2 * time.Second
)

// incomingBody is a request's body as it comes from the client. It is never
// closed here, which is the server's business.
type incomingBody struct {
	source io.Reader
	waits  bool // the client does not send before the first read (100 Continue)
	http1  bool // the connection is the request's alone

	mu     sync.Mutex     // held while source is read
	err    error          // what source ended with, guarded by mu
	kept   keptBody       // guarded by mu
	keeps  bool           // the body is kept while it passes; set before it is read
	held   memory.Holder  // of bodyMemory
	small  *memory.Holder // of smallBodyMemory, or nil if it never had any
	begun  atomic.Bool
	ended  atomic.Bool // nothing more comes: source is at its end, or broken
	broken atomic.Bool // it ended before its end

	interrupted atomic.Bool // and nobody has been told yet
}

// errAnswered ends a Read for an answer that has come before the body was
// through. The body itself has not ended, though over Caddy's own readers it
// cannot be read any more.
var errAnswered = errors.New("there is an answer already")

// newIncomingBody returns the body of r, or nil if it has none: Caddy wraps the
// empty ones too.
func newIncomingBody(r *http.Request) *incomingBody {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil
	}
	return &incomingBody{source: r.Body, waits: len(r.Header["Expect"]) > 0, http1: r.ProtoMajor == 1}
}

// Read implements [io.Reader]. What has broken off stays so: whoever waited for
// another to be done with reading does not wait for the client once more.
func (b *incomingBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.read(p)
}

func (b *incomingBody) read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	b.begun.Store(true)
	n, err := b.source.Read(p)
	b.keepMore(p[:n])
	if b.interrupted.Swap(false) && errors.Is(err, os.ErrDeadlineExceeded) {
		return n, errAnswered
	}
	if isCutShort(err) {
		err = fmt.Errorf("%w: %w", errIncomplete, err)
	}
	if err != nil {
		b.err = err
		b.broken.Store(err != io.EOF) //nolint:errorlint // readers return io.EOF itself
		b.ended.Store(true)
	}
	return n, err
}

// Close implements [io.Closer].
func (b *incomingBody) Close() error { return nil }

// isCutShort reports whether a body ended before its declared length, or in the
// middle of its chunks, as the servers have it. The client may still be there, and
// have closed its sending half alone.
func isCutShort(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || err != nil && slices.ContainsFunc(cutShortTexts, func(text string) bool {
		return strings.Contains(err.Error(), text)
	})
}

// cutShortTexts are in errors that have no name.
var cutShortTexts = []string{
	"declared a Content-Length", // over HTTP/2
	"unexpected EOF",            // behind the last chunk
}

// maxCutShortWait bounds the wait for a read that has cancelled the request, and is
// yet to return.
const maxCutShortWait = 100 * time.Millisecond

// cutShort returns the error of a body that was cut short, or nil. The server
// cancels the request, which may end the proxy's wait, before the read returns
// that has found it out.
func (b *incomingBody) cutShort() error {
	if b == nil {
		return nil
	}
	for began := time.Now(); !b.mu.TryLock(); time.Sleep(time.Millisecond) {
		if time.Since(began) > maxCutShortWait { // it is a client that is slow
			return nil
		}
	}
	defer b.mu.Unlock()
	if errors.Is(b.err, errIncomplete) {
		return b.err
	}
	return nil
}

// interrupt has a Read return that waits for the client. Caddy sets a deadline
// when a Read begins, so it may have to be called again.
func (b *incomingBody) interrupt(w http.ResponseWriter) {
	if b.ended.Load() {
		return
	}
	b.interrupted.Store(true)
	_ = http.NewResponseController(w).SetReadDeadline(time.Now())
}

// left reports whether the client may have more of the body to send.
func (b *incomingBody) left() bool { return b != nil && !b.ended.Load() }

// litters reports whether the connection is of no use after the answer, since
// what has not been read off of the body would be taken for the next request.
func (b *incomingBody) litters() bool {
	return b != nil && b.http1 && (!b.ended.Load() || b.broken.Load())
}

// drainAfter sends the response, and reads off what is left of the body.
func (b *incomingBody) drainAfter(w http.ResponseWriter) {
	if b.left() {
		_ = http.NewResponseController(w).Flush()
		b.drain(w)
	}
}

// drain reads off what is left of the body, within bounds. Over HTTP/1.1, a client
// that waits to be asked for its body is not asked any more; Go's server does not
// tell of those over HTTP/2.
func (b *incomingBody) drain(w http.ResponseWriter) {
	control := http.NewResponseController(w)
	if b.left() && (!b.waits || b.begun.Load()) {
		b.readOff(control)
	}
	if b.left() && b.http1 {
		// The connection is at its end: the server need not wait for more.
		_ = control.SetReadDeadline(time.Now())
	}
}

func (b *incomingBody) readOff(control *http.ResponseController) {
	began, buf := time.Now(), make([]byte, 32<<10)
	for size := 0; size < maxDrainSize && b.left() && time.Since(began) < maxDrainTime; {
		size += b.readPaused(control, buf)
	}
}

// readPaused reads what comes before the client has paused for too long. Caddy
// sets a deadline of its own when a read begins, so this one is set while it
// waits.
func (b *incomingBody) readPaused(control *http.ResponseController, buf []byte) int {
	var interrupting sync.WaitGroup
	interrupting.Add(1)
	pause := time.AfterFunc(maxDrainPause, func() {
		defer interrupting.Done()
		_ = control.SetReadDeadline(time.Now())
	})
	b.mu.Lock()
	if !pause.Stop() {
		interrupting.Wait()
		interrupting.Add(1)
	}
	pause.Reset(maxDrainPause) // something may have come for another until now
	n, _ := b.read(buf)        // an error ends the body
	b.mu.Unlock()
	if pause.Stop() {
		interrupting.Done()
	}
	interrupting.Wait() // nothing is done to the connection after the request
	return n
}

// Interface guard
var _ io.ReadCloser = (*incomingBody)(nil)

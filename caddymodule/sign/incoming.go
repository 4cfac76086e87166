// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/memory"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// incomingBody is a request's body as it comes from the client. The proxy's goroutine and
// the handler's may read it, one after the other or at the same time: the proxy does not
// always stop when it has returned. Close does nothing, so that what the proxy has left
// can still be discarded; the server closes the body.
type incomingBody struct {
	source io.Reader
	length int64 // as the client has announced it, or -1
	waits  bool  // the client may send nothing before the first Read, which sends it 100 Continue
	http1  bool  // the connection carries one request at a time
	// connection is what HTTP/1 brings the body by; nil if it is not known, or of another version.
	connection net.Conn

	mu     sync.Mutex     // held while source is read
	err    error          // what source ended with, guarded by mu
	kept   keptBody       // guarded by mu
	keeps  bool           // the body is to be kept; set before the first Read, and never unset
	held   memory.Holder  // of bodyMemory
	small  *memory.Holder // of smallBodyMemory, or nil if it never had any
	begun  atomic.Bool    // a Read has begun
	ended  atomic.Bool    // nothing more comes: source is at its end, or broken
	broken atomic.Bool    // source ended with an error, and not with the body

	received atomic.Int64 // bytes

	interrupted atomic.Bool // by interrupt, and no Read has returned for it yet
}

// errInterrupted ends a Read because a response has come before the end of the body. It
// must not be io.EOF, or half a form would pass for a whole one. The body itself has not
// ended, and is not marked so; but Caddy's own readers cannot be read after an error.
var errInterrupted = errors.New("interrupted, for there is a response already")

// newIncomingBody returns the body of r, or nil if it has none. Comparing with
// http.NoBody is not enough, for Caddy wraps that, too.
func newIncomingBody(r *http.Request) *incomingBody {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil
	}
	b := &incomingBody{source: r.Body, length: r.ContentLength, waits: len(r.Header["Expect"]) > 0, http1: r.ProtoMajor == 1}
	if b.http1 {
		b.connection, _ = r.Context().Value(connectionKey{}).(net.Conn)
	}
	return b
}

// Read implements [io.Reader]. An error is final, and returned again: a goroutine that
// has waited for another's Read to end would otherwise wait for the client once more.
func (b *incomingBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.read(p)
}

// read is Read for callers that hold the mutex.
func (b *incomingBody) read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	b.begun.Store(true)
	n, err := b.source.Read(p)
	b.received.Add(int64(n))
	b.keepMore(p[:n])
	if b.interrupted.Swap(false) && errors.Is(err, os.ErrDeadlineExceeded) {
		return n, errInterrupted
	}
	// The server does not see to that over HTTP/3.
	if err == io.EOF && b.length >= 0 && b.received.Load() < b.length { //nolint:errorlint // readers return io.EOF itself
		err = io.ErrUnexpectedEOF
	}
	err = bodyError(err)
	if err != nil {
		b.err = err
		b.broken.Store(err != io.EOF) //nolint:errorlint // readers return io.EOF itself
		b.ended.Store(true)
	}
	return n, err
}

// Close implements [io.Closer]. It does nothing.
func (b *incomingBody) Close() error { return nil }

// errTrailer stands for an error of net/http's that quotes what the client has sent, which
// may be a secret.
var errTrailer = errors.New("malformed trailer after the last chunk")

// bodyError returns an error of the server with the response to it, if the client's body is
// at fault: it was cut short, or its framing is malformed. Other errors are those of the
// connection.
func bodyError(err error) error {
	if err == nil || err == io.EOF { //nolint:errorlint // readers return io.EOF itself
		return err
	}
	_, isTrailer := errors.AsType[textproto.ProtocolError](err)
	switch {
	case isCutShort(err):
		return fmt.Errorf("%w: %w", errIncomplete, err)
	case isTrailer:
		return fmt.Errorf("%w: %w", parserFailed(errTrailer), errTrailer)
	case errors.Is(err, http.ErrLineTooLong), strings.Contains(err.Error(), "chunk"): // net/http exports no such error
		return fmt.Errorf("%w: %w", parserFailed(err), err)
	}
	return err
}

// isCutShort reports whether an error of the server means that the body ended before its
// declared length, or in the middle of its chunks. The client may still be there: it can
// close its sending half alone, and wait for the response.
func isCutShort(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || slices.ContainsFunc(cutShortTexts, func(text string) bool {
		return strings.Contains(err.Error(), text)
	})
}

// cutShortTexts are parts of errors that net/http does not export.
var cutShortTexts = []string{
	"declared a Content-Length", // over HTTP/2
	"unexpected EOF",            // behind the last chunk
}

// maxFaultWait is how long fault waits for a Read that is about to return. The time
// between the cancellation and the return is microseconds, unless the machine is busy.
const maxFaultWait = 100 * time.Millisecond

// fault returns the error of a body that was cut short or is malformed, or nil. The server
// cancels the request before the Read that has found the error returns, so that the proxy may
// be back first; without a wait, the client would be taken for gone and get no reason.
func (b *incomingBody) fault() error {
	if b == nil {
		return nil
	}
	for began := time.Now(); !b.mu.TryLock(); time.Sleep(time.Millisecond) {
		if time.Since(began) > maxFaultWait { // the Read waits for a slow client
			return nil
		}
	}
	defer b.mu.Unlock()
	if _, ok := errors.AsType[*uploadapi.Error](b.err); ok {
		return b.err
	}
	return nil
}

// interrupt makes a Read that waits for the client return. A Read cannot be cancelled but
// by a deadline in the past. Caddy sets a deadline of its own when a Read begins, which
// undoes this one if it was set just before; so it may have to be called again.
func (b *incomingBody) interrupt(w http.ResponseWriter) {
	if b.ended.Load() {
		return
	}
	b.interrupted.Store(true)
	_ = http.NewResponseController(w).SetReadDeadline(time.Now())
}

// receivedBytes returns how many bytes of the body the client has sent.
func (b *incomingBody) receivedBytes() int64 {
	if b == nil {
		return 0
	}
	return b.received.Load()
}

// hasMore reports whether the client may have more of the body to send.
func (b *incomingBody) hasMore() bool { return b != nil && !b.ended.Load() }

// unfitForReuse reports whether the connection has to end with the response, for what
// has not been read of the body would be taken for the next request: a file's bytes could
// make one (request smuggling). A stream of HTTP/2 or HTTP/3 ends with its request anyway.
func (b *incomingBody) unfitForReuse() bool {
	return b != nil && b.http1 && (!b.ended.Load() || b.broken.Load())
}

// Interface guard
var _ io.ReadCloser = (*incomingBody)(nil)

// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// Bounds of what is discarded of a body after a response that came before its end.
// A client that sends all before it reads would otherwise meet a reset connection instead
// of the response (RFC 9112, section 9.6); without bounds it could send for ever.
const (
	// maxDrainSize is somewhat more than the largest direct upload, in bytes, so that
	// a client which may upload at all gets the response.
	maxDrainSize = uploadapi.DirectUploadLimit + 28<<20
	// maxDrainTime is how long the discarding may take in all.
	maxDrainTime = 30 * time.Second
	// maxDrainPause is how long a client may send nothing meanwhile. One that pauses
	// has seen the response, or never will.
	maxDrainPause = 2 * time.Second

	// maxUnframedPause is how long it may send nothing where what is read is no body: as
	// long as net/http waits before it closes a connection. A client that is sending has
	// bytes on the way already, and one that is not waits for the end of the response.
	maxUnframedPause = 500 * time.Millisecond

	drainBufferSize = 32 << 10 // as io.Copy has it
)

// connectionKey is the context's key of the connection that a request came by.
type connectionKey struct{}

// provisionDrain has the requests of the server know their connections. Outside of an HTTP
// server, as when a request is explained, there are none.
func provisionDrain(ctx caddy.Context) {
	if server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		server.RegisterConnContext(func(ctx context.Context, connection net.Conn) context.Context {
			if ctx.Value(connectionKey{}) != nil { // by another handler of the server
				return ctx
			}
			return context.WithValue(ctx, connectionKey{}, connection)
		})
	}
}

// remains reports whether the client may have more to send that has to be discarded.
func (b *incomingBody) remains() bool { return b.hasMore() || b.unfitForReuse() }

// drainAfter sends the response, and then discards what is left of the body. The flush
// comes first, for a client that does read has no reason to send the rest.
func (b *incomingBody) drainAfter(w http.ResponseWriter) {
	if b.remains() {
		_ = http.NewResponseController(w).Flush()
		b.drain(w, true)
	}
}

// drainBefore discards what is left of the body before there is a response.
func (b *incomingBody) drainBefore(w http.ResponseWriter) {
	if b.remains() {
		b.drain(w, false)
	}
}

// drain discards what is left of the body, within bounds. A client that waits for 100
// Continue and has not got it is not asked for its body: a read would ask it. Over
// HTTP/2, Go's server takes Expect out of the header, so that such a client is asked.
//
// What the body does not give, because a chunk is malformed, a handler before bounds the
// body (request_body), or the client does not wait for 100 Continue, is read from the
// connection, which is to end anyway. The server would close it with those bytes unread:
// it waits before that only if it finds the body too large as it writes the header, which
// it does not look for on a connection that is to end, or if the body has not been
// wrapped, as Caddy has (v2.11.9).
func (b *incomingBody) drain(w http.ResponseWriter, responded bool) {
	control, drainage := http.NewResponseController(w), newDrainage()
	if b.hasMore() && (!b.waits || b.begun.Load()) {
		b.discard(control, drainage)
	}
	if !b.unfitForReuse() {
		return
	}
	if b.connection != nil && (responded || b.broken.Load()) && !b.timedOut() {
		drainage.each(b.discardUnframed)
	}
	// Without this, the server would wait for more of the body when it closes it.
	_ = control.SetReadDeadline(time.Now())
}

// discard reads the rest of the body, until its end or one of the bounds. What is kept of
// the body while it passes is kept here, too.
func (b *incomingBody) discard(control *http.ResponseController, drainage *drainage) {
	drainage.each(func(buf []byte) (int, bool) { return b.discardUntilPause(control, buf), b.hasMore() })
}

// drainage is what is discarded, within its bounds.
type drainage struct {
	began time.Time
	size  int // bytes so far
	buf   []byte
}

func newDrainage() *drainage {
	return &drainage{began: time.Now(), buf: make([]byte, drainBufferSize)}
}

// each calls read until it reports that there is no more, or a bound is reached.
func (d *drainage) each(read func(buf []byte) (n int, more bool)) {
	for more := true; more && d.size < maxDrainSize && time.Since(d.began) < maxDrainTime; {
		var n int
		n, more = read(d.buf)
		d.size += n
	}
}

// discardUntilPause reads once, and ends the body if the client pauses for too long. Caddy
// may set a deadline of its own when a read begins, which would replace one that is set
// before; so this one is set by a timer, while the read waits.
func (b *incomingBody) discardUntilPause(control *http.ResponseController, buf []byte) int {
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
	pause.Reset(maxDrainPause) // another goroutine may have been reading until now
	n, _ := b.read(buf)        // an error is recorded, and ends the loop
	b.mu.Unlock()
	if pause.Stop() {
		interrupting.Done()
	}
	interrupting.Wait() // after the request, a deadline would meet the next one of the connection
	return n
}

// timedOut reports whether the body has ended because the client paused for too long, or was
// too slow.
func (b *incomingBody) timedOut() bool {
	if !b.ended.Load() {
		return false
	}
	b.mu.Lock() // not for long: an error is returned again at once
	defer b.mu.Unlock()
	return errors.Is(b.err, os.ErrDeadlineExceeded)
}

// discardUnframed reads once from the connection. It reports false if the client has closed
// it, or pauses for too long.
func (b *incomingBody) discardUnframed(buf []byte) (n int, more bool) {
	_ = b.connection.SetReadDeadline(time.Now().Add(maxUnframedPause))
	n, err := b.connection.Read(buf)
	return n, err == nil
}

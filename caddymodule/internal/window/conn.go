// SPDX-License-Identifier: Apache-2.0

package window

import (
	"crypto/tls"
	"io"
	"net/http"
	"sync"

	"golang.org/x/net/http2"
)

// conn is a connection whose client sees the windows of a flow.
type conn struct {
	*tls.Conn
	in  incoming
	out outgoing
}

// newConn returns a connection before the client's preface.
func newConn(c *tls.Conn, flow *flow) *conn {
	return &conn{
		Conn: c,
		in:   incoming{flow: flow, skip: len(http2.ClientPreface)},
		out:  outgoing{flow: flow},
	}
}

// Read implements [io.Reader].
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if excess := c.in.scan(p[:n]); excess != nil {
		return 0, excess
	}
	return n, err
}

// Write implements [io.Writer]. The server writes one piece at a time.
func (c *conn) Write(p []byte) (int, error) {
	passed := c.out.pass(p)
	if len(passed) == 0 {
		return len(p), nil
	}
	if _, err := c.Conn.Write(passed); err != nil {
		return 0, err
	}
	return len(p), nil
}

// handler says to the flow what its requests are going to bring.
type handler struct {
	http.Handler
	flow *flow
}

// ServeHTTP implements [http.Handler].
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength > small || r.ContentLength < 0 {
		body := newBody(r.Body, r.ContentLength, h.flow)
		defer body.finish()
		r.Body = body
	}
	h.Handler.ServeHTTP(w, r)
}

// small is the length of a body for which Default is enough: many of them fit in it.
const small = 64 << 10

// body is a request's whose rest the flow expects.
type body struct {
	io.ReadCloser
	flow  *flow
	known bool

	mu       sync.Mutex // a proxy may read when the handler has returned
	expected int64      // of the flow
	finished bool
}

// longest is as much as is expected of one body: more than any brings, and so little that no
// number of them overflows an int64.
const longest = 1 << 46

// newBody returns a body of a length that is known, or -1.
func newBody(r io.ReadCloser, length int64, flow *flow) *body {
	b := &body{ReadCloser: r, flow: flow, known: length >= 0}
	if !b.known {
		length = small
	}
	b.change(min(length, longest))
	return b
}

// Read implements [io.Reader]. Of a body of unknown length, as much again is expected as
// has come, and some at its beginning.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.finished:
	case err != nil:
		b.end()
	case b.known:
		b.change(-min(int64(n), b.expected))
	default:
		b.change(min(int64(n), longest-b.expected))
	}
	return n, err
}

// finish says that nothing of the body is read any more.
func (b *body) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end()
}

// end is finish, with b.mu held.
func (b *body) end() {
	b.finished = true
	b.change(-b.expected)
}

// change changes by n what is expected. It is called with b.mu held, or before the body
// is used.
func (b *body) change(n int64) {
	b.expected += n
	b.flow.expect(n)
}

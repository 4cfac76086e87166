// SPDX-License-Identifier: Apache-2.0

package client

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/wire"
)

// sending is a request that is being sent, and its body.
type sending struct {
	request     *http.Request
	body        io.ReadCloser        // nil if there is none
	direct      bool                 // in the goroutine of its caller
	interrupter handover.Interrupter // of the body, or nil
	stop        func() bool          // ends the wait for the request's context to end

	// Whoever sends has these until the connection says what became of it.
	limited io.LimitedReader
	err     error // of the body, other than its end

	// What follows is for a body that can be interrupted.
	wait        atomic.Int32 // for the client: notWaiting, waiting or waitSeen
	responded   atomic.Bool  // nothing more is to be sent
	interrupted atomic.Bool

	// watching is held while the watch does something to the request that it must
	// not outlive, and while it ends being the connection's.
	watching sync.Mutex
}

// Whether a Read of the body waits for the client.
const (
	notWaiting int32 = iota
	waiting          // it has begun, and not returned
	waitSeen         // and has been looked at by stillWaits
)

// errAnswered ends a body whose rest nobody wants.
var errAnswered = errors.New("the upstream wants no more of the body")

func newSending(r *http.Request) *sending {
	if r.Body == nil || r.Body == http.NoBody {
		return &sending{request: r, direct: true}
	}
	s := &sending{request: r, body: r.Body}
	if body, ok := r.Body.(*wire.Body); ok {
		s.body = body.ReadCloser
	}
	if r.ContentLength > 0 && r.ContentLength <= wire.SmallBuffer && len(r.TransferEncoding) == 0 {
		s.interrupter = handover.InterrupterOf(r.Context())
		s.direct = s.interrupter != nil
	}
	return s
}

// outgoing returns the request with what is being sent as its body.
func (s *sending) outgoing() *http.Request {
	if s.body == nil {
		return s.request
	}
	outgoing := *s.request
	outgoing.Body = s
	if body, ok := s.request.Body.(*wire.Body); ok {
		outgoing.Body = &wire.Body{ReadCloser: s, Small: body.Small}
	}
	return &outgoing
}

// Read implements [io.Reader].
func (s *sending) Read(p []byte) (int, error) {
	if s.responded.Load() {
		s.err = errAnswered
		return 0, s.err
	}
	s.wait.Store(waiting)
	n, err := s.body.Read(p)
	s.wait.Store(notWaiting)
	if err != nil && err != io.EOF { //nolint:errorlint // readers return io.EOF itself
		s.err = err
	}
	return n, err
}

// stillWaits reports whether the body waits for the client in the same Read as when
// it was called before. Whoever watches calls it, now and then.
func (s *sending) stillWaits() bool {
	return !s.wait.CompareAndSwap(waiting, waitSeen) && s.wait.Load() == waitSeen
}

// Close implements [io.Closer].
func (s *sending) Close() error { return s.body.Close() }

// Interface guard
var _ io.ReadCloser = (*sending)(nil)

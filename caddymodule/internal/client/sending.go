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

// sending is a request that is being sent. It stands in for the request's body, so
// that sending can be stopped between two Reads.
type sending struct {
	request     *http.Request
	body        io.ReadCloser        // nil if there is none
	direct      bool                 // in the goroutine of its caller
	interrupter handover.Interrupter // of the body, or nil
	stop        func() bool          // ends the wait for the request's context to end

	// The sending goroutine owns these until the connection's channel sent has
	// received the result.
	limited io.LimitedReader
	err     error // of the body, other than its end

	// The following is used if the body can be interrupted.
	wait        atomic.Int32 // for the client: notWaiting, waiting or waitObserved
	halted      atomic.Bool  // no more of the body is to be sent
	interrupted atomic.Bool  // the interrupter has been used

	// watching is held while the watch acts on the request, and when the connection
	// is detached from it: the watch must not act on a request that has ended.
	watching sync.Mutex
}

// Whether a Read of the body waits for the client.
const (
	notWaiting   int32 = iota
	waiting            // a Read has begun and not returned
	waitObserved       // and stillWaits has observed it
)

// errBodyUnwanted ends a body whose rest is not sent, for the upstream has
// responded already. It does not reach the caller, who gets the response.
var errBodyUnwanted = errors.New("the upstream has responded and wants no more of the body")

// newSending prepares to send a request. It is sent in the caller's goroutine if it
// has no body, or a small one whose Read can be interrupted: otherwise a client
// that stalls would keep the caller from reading an early response.
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

// outgoing returns a copy of the request whose body is s, for [http.Request.Write].
// A [wire.Body] is wrapped again, since it decides on the size of chunks.
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
	if s.halted.Load() {
		s.err = errBodyUnwanted
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

// stillWaits reports whether the body is waiting for the client in the same Read as
// at the last call, that is, whether the client has sent nothing in between. Only
// the watch calls it.
func (s *sending) stillWaits() bool {
	return !s.wait.CompareAndSwap(waiting, waitObserved) && s.wait.Load() == waitObserved
}

// Close implements [io.Closer].
func (s *sending) Close() error { return s.body.Close() }

// Interface guard
var _ io.ReadCloser = (*sending)(nil)

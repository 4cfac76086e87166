// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"io"
	"net/http"
	"strconv"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// holdStep is how much is read at a time from a source that an answer is copied
// from, while it may have to be held back, in bytes.
const holdStep = 512

// heldAnswer is the beginning of an answer that may yet be a rejection. What
// cannot be one is never held: it is passed on as it comes.
type heldAnswer struct {
	back  bool // the answer is held back now
	body  []byte
	flush bool // it is to be flushed when it is let go
}

// hold holds the answer back if it can be a rejection by what its header says.
func (a *answerWriter) hold() {
	if !a.signed {
		return
	}
	header := a.Header()
	if len(header["Content-Encoding"]) > 0 || len(header["Trailer"]) > 0 {
		return
	}
	if lengths := header["Content-Length"]; len(lengths) > 0 {
		if length, err := strconv.Atoi(lengths[0]); err != nil || length > uploadapi.MaxRejectionSize {
			return
		}
	}
	a.held.back = uploadapi.CanBeRejection(a.status, header.Get("Content-Type"), nil)
}

// holdMore adds p to what is held back. If the answer cannot be a rejection any
// more, it lets go of what it holds and reports false.
func (a *answerWriter) holdMore(p []byte) bool {
	beginning := p
	if len(a.held.body) > 0 {
		a.held.body = append(a.held.body, p...)
		beginning = a.held.body
	}
	if !uploadapi.CanBeRejection(a.status, a.Header().Get("Content-Type"), beginning) {
		a.held.body = a.held.body[:len(beginning)-len(p)] // p goes on as it is
		a.release()
		return false
	}
	if len(a.held.body) == 0 {
		a.held.body = append(a.held.body, p...)
	}
	return true
}

// release lets go of an answer that is held back. It may be called on any.
func (a *answerWriter) release() {
	if !a.held.back {
		return
	}
	a.held.back = false
	a.begin()
	a.sent.Header(a.Header())
	a.ResponseWriterWrapper.WriteHeader(a.status)
	if len(a.held.body) > 0 {
		_, _ = a.ResponseWriterWrapper.Write(a.held.body) // whoever writes more is told
	}
	if a.held.flush {
		_ = http.NewResponseController(a.ResponseWriter).Flush()
	}
}

// forget makes the writer one of an answer that is yet to come, in place of the
// one that it holds back.
func (a *answerWriter) forget() {
	a.body, a.sent, a.dropped, a.invalid, a.status, a.held = nil, nil, false, nil, 0, heldAnswer{}
}

// rejection returns why the credential was not taken, if an answer that has
// come to its end says so.
func (a *answerWriter) rejection() uploadapi.Rejection {
	if !a.held.back {
		return 0
	}
	return uploadapi.RejectionOf(a.status, a.Header().Get("Content-Type"), a.held.body)
}

// accepted reports whether the answer says that the credential was taken.
// Errors may come before anybody has looked at it.
func (a *answerWriter) accepted() bool {
	return !a.held.back && a.signed && uploadapi.IsSuccess(a.status, a.Header().Get("Content-Type"))
}

// writerOnly hides that a writer can read from a source.
type writerOnly struct{ io.Writer }

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

// heldResponse is the beginning of an answer that may yet be a rejection. What
// cannot be one is never held: it is passed on as it comes.
type heldResponse struct {
	back  bool // the answer is held back now
	body  []byte
	flush bool // it is to be flushed when it is let go
}

// holdIfRejection holds the answer back if it can be a rejection by what its header says.
func (w *responseWriter) holdIfRejection() {
	if !w.signed {
		return
	}
	header := w.Header()
	if len(header["Content-Encoding"]) > 0 || len(header["Trailer"]) > 0 {
		return
	}
	if lengths := header["Content-Length"]; len(lengths) > 0 {
		if length, err := strconv.Atoi(lengths[0]); err != nil || length > uploadapi.MaxRejectionSize {
			return
		}
	}
	w.held.back = uploadapi.CanBeRejection(w.status, header.Get("Content-Type"), nil)
}

// holdBack adds p to what is held back. If the answer cannot be a rejection any
// more, it lets go of what it holds and reports false.
func (w *responseWriter) holdBack(p []byte) bool {
	beginning := p
	if len(w.held.body) > 0 {
		w.held.body = append(w.held.body, p...)
		beginning = w.held.body
	}
	if !uploadapi.CanBeRejection(w.status, w.Header().Get("Content-Type"), beginning) {
		w.held.body = w.held.body[:len(beginning)-len(p)] // p goes on as it is
		w.release()
		return false
	}
	if len(w.held.body) == 0 {
		w.held.body = append(w.held.body, p...)
	}
	return true
}

// release lets go of an answer that is held back. It may be called on any.
func (w *responseWriter) release() {
	if !w.held.back {
		return
	}
	w.held.back = false
	w.begin()
	w.sent.Header(w.Header())
	w.ResponseWriterWrapper.WriteHeader(w.status)
	if len(w.held.body) > 0 {
		_, _ = w.ResponseWriterWrapper.Write(w.held.body) // whoever writes more is told
	}
	if w.held.flush {
		_ = http.NewResponseController(w.ResponseWriter).Flush()
	}
}

// reset makes the writer one of an answer that is yet to come, in place of the
// one that it holds back.
func (w *responseWriter) reset() {
	w.body, w.sent, w.dropped, w.invalid, w.status, w.held = nil, nil, false, nil, 0, heldResponse{}
}

// rejection returns why the credential was not taken, if an answer that has
// come to its end says so.
func (w *responseWriter) rejection() uploadapi.Rejection {
	if !w.held.back {
		return 0
	}
	return uploadapi.RejectionOf(w.status, w.Header().Get("Content-Type"), w.held.body)
}

// accepted reports whether the answer says that the credential was taken.
// Errors may come before anybody has looked at it.
func (w *responseWriter) accepted() bool {
	return !w.held.back && w.signed && uploadapi.IsSuccess(w.status, w.Header().Get("Content-Type"))
}

// writerOnly hides that a writer can read from a source.
type writerOnly struct{ io.Writer }

// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"io"
	"net/http"
	"strconv"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// holdStep is how much of a copied response is read at a time while it may have to be
// held back, in bytes. It is small, for after each step the response may turn out to be
// no rejection, and the rest is copied by the server's own ReadFrom.
const holdStep = 512

// heldResponse is a response that may yet be a rejection: its head, which waits in the
// header map, and the beginning of its body, of [uploadapi.MaxRejectionSize] at most. A
// response that cannot be a rejection is never held: it is passed on as it comes.
type heldResponse struct {
	back  bool // the response is held back now
	body  []byte
	flush bool // a flush was asked for, and follows the release
}

// contentType returns the response's Content-Type. It is looked up several times of each
// response, and without [http.Header.Get], which takes ten times as long.
func (w *responseWriter) contentType() string {
	if values := w.Header()["Content-Type"]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// holdIfRejection holds the response back if it can be a rejection by its status and
// header. One that is compressed is passed on, for it cannot be read; so is one that
// announces trailers, which are not kept. The service sends neither.
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
	w.held.back = uploadapi.CanBeRejection(w.status, w.contentType(), nil)
}

// holdBack adds p to what is held back. If the response cannot be a rejection any more,
// it releases what it holds, without p, and reports false. If the first bytes already show
// that, nothing is copied.
func (w *responseWriter) holdBack(p []byte) bool {
	beginning := p
	if len(w.held.body) > 0 {
		w.held.body = append(w.held.body, p...)
		beginning = w.held.body
	}
	if !uploadapi.CanBeRejection(w.status, w.contentType(), beginning) {
		w.held.body = w.held.body[:len(beginning)-len(p)] // the caller writes p itself
		w.release()
		// It may be an error all the same, one that is too long for a rejection.
		w.beginning, w.examined = w.held.body, true
		return false
	}
	if len(w.held.body) == 0 {
		w.held.body = append(w.held.body, p...)
	}
	return true
}

// release sends what is held back to the client. It does nothing if nothing is.
func (w *responseWriter) release() {
	if !w.held.back {
		return
	}
	w.held.back = false
	w.begin()
	w.sent.Header(w.Header())
	w.ResponseWriterWrapper.WriteHeader(w.status)
	if len(w.held.body) > 0 {
		_, _ = w.ResponseWriterWrapper.Write(w.held.body) //nolint:gosec // the upstream's; an error comes again at the next Write
	}
	if w.held.flush {
		_ = http.NewResponseController(w.ResponseWriter).Flush()
	}
}

// reset discards the response that is held back or dropped, so that the writer can take
// another, of a retry or a refusal. The header is the caller's to restore.
func (w *responseWriter) reset() {
	w.body, w.sent, w.dropped, w.invalid, w.status, w.held = nil, nil, false, nil, 0, heldResponse{}
	w.beginning, w.examined, w.filled = nil, false, false
}

// rejection returns why the service rejected the credential, or 0 if it did not. It is
// to be called when the response is complete: whatever is still held back then is short
// enough to be read as a whole.
func (w *responseWriter) rejection() uploadapi.Rejection {
	if !w.held.back {
		return 0
	}
	return uploadapi.RejectionOf(w.status, w.contentType(), w.held.body)
}

// examine keeps the beginning of a response that may be an error, as it passes. If the
// first bytes already show that it is none, nothing is copied.
func (w *responseWriter) examine(p []byte) {
	if !w.examined {
		return
	}
	p = p[:min(len(p), uploadapi.MaxErrorSize-len(w.beginning))]
	if len(w.beginning) == 0 {
		if w.examined = uploadapi.CanBeError(w.status, w.contentType(), p); !w.examined {
			return
		}
	}
	w.beginning = append(w.beginning, p...)
	w.examined = len(w.beginning) < uploadapi.MaxErrorSize && uploadapi.CanBeError(w.status, w.contentType(), w.beginning)
}

// errorCode returns the code of the error that the response is, or an empty string.
func (w *responseWriter) errorCode() string {
	body := w.beginning
	if len(body) == 0 {
		body = w.held.body
	}
	if len(body) == 0 && w.status < http.StatusBadRequest { // as nearly always
		return ""
	}
	return uploadapi.CodeOf(w.status, w.contentType(), body)
}

// accepted reports whether the response shows that the service accepted the credential.
// Only a success shows it: any other error may come before the service has checked the
// credential.
func (w *responseWriter) accepted() bool {
	return !w.held.back && w.signed && uploadapi.IsSuccess(w.status, w.contentType())
}

// writerOnly hides ReadFrom, by which a copy would come back to itself without end.
type writerOnly struct{ io.Writer }

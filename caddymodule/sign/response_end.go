// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// end is called when the next handlers have ended with err, which it returns. It
// discards what the client has still to send, within bounds. Otherwise the server closes
// the connection with bytes of it unread, the kernel resets it, and a client that reads
// no response before it has sent all loses the response (RFC 9112, section 9.6).
func (w *responseWriter) end(err error) error {
	if err != nil && !w.begun && !w.hijacked {
		w.allowOrigin() // so that the page can read the error of the server or of an error route
	}
	if w.hijacked || !w.incoming.remains() {
		return err
	}
	if w.begun {
		w.incoming.drainAfter(w)
		return err
	}
	// There is no response yet: the server or an error route will write it after
	// this, and whether the connection can be used again is known only now.
	w.incoming.drainBefore(w)
	if w.incoming.unfitForReuse() {
		w.Header().Set("Connection", "close")
	}
	return err
}

// bodyFailed reports whether the client's body could not be passed on. The proxy sees
// such a failure as a cancelled request (see refusal.Is) and writes 499, which is for
// clients that are gone; this one is there, and is to get the reason.
func (w *responseWriter) bodyFailed() bool {
	return w.body != nil && w.body.refusal.Load() != nil || w.incoming.fault() != nil
}

// Hijack implements [http.Hijacker]. It takes note, since no header can be set and no
// body be discarded on a connection that belongs to the next handler.
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	connection, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.hijacked = err == nil
	return connection, buffered, err
}

// maxStatus is the greatest status: three digits (RFC 9110, section 15).
const maxStatus = 999

// invalidStatusError is the status of an upstream's response that is outside of 100
// to 999.
type invalidStatusError struct{ status int }

// Error implements error.
func (e *invalidStatusError) Error() string {
	return fmt.Sprintf("the upstream's status is %03d", e.status)
}

// dropResponse takes out of a header what describes a response that is discarded. Its
// Content-Length, say, would cut the refusal that takes its place short.
func dropResponse(header http.Header) {
	for _, name := range []string{
		"Accept-Ranges", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length", "Content-Location",
		"Content-Range", "Etag", "Expires", "Last-Modified", "Link", "Location", "Refresh", "Set-Cookie", "Trailer", "Www-Authenticate",
	} {
		delete(header, name)
	}
}

// failure returns the refusal if the next handlers, which returned err, have ended
// without a response that can be sent: the body is at fault, the upstream failed, or
// its status is invalid. It is nil if there is a response, or if err is one that the
// server or an error route is to respond to.
func (w *responseWriter) failure(err error) *refusal {
	if w.begun || w.hijacked || err == nil && !w.dropped {
		return nil
	}
	if w.invalid != nil {
		dropResponse(w.Header())
		return newRefusal(fmt.Errorf("%w: %w", errInvalidResponse, w.invalid))
	}
	if cause := w.incoming.fault(); cause != nil {
		return newRefusal(cause)
	}
	return upstreamFailure(err)
}

// withoutResponse returns the refusal for an upload that the next handlers have ended
// without an error and with nothing written. The server would make that a 200, and the
// client would take the file for uploaded.
func withoutResponse(ctx context.Context) *refusal {
	const unhandled = "unhandled" // set by Caddy when a request has passed its last handler
	if is, _ := caddyhttp.GetVar(ctx, unhandled).(bool); !is {
		return newRefusal(errNoResponse)
	}
	caddyhttp.SetVar(ctx, unhandled, nil) // or the access log says of the refusal that it was not handled
	return newRefusal(errUnhandled)
}

// Interface guard
var _ http.Hijacker = (*responseWriter)(nil)

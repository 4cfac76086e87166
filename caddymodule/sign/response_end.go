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

// end is called when the handlers that follow have ended with err. A client that
// is still sending, and does not look before it has sent all, gets their response
// nevertheless: what it has left to send is read off, within bounds.
func (w *responseWriter) end(err error) error {
	if err != nil && !w.begun && !w.hijacked {
		w.allowOrigin() // to read what the server or an error route will say
	}
	if w.hijacked || !w.incoming.hasMore() {
		return err
	}
	if w.begun {
		w.incoming.drainAfter(w)
		return err
	}
	// The response is the server's, or an error route's, and comes after this.
	w.incoming.drain(w)
	if w.incoming.unfitForReuse() {
		w.Header().Set("Connection", "close")
	}
	return err
}

// bodyFailed reports whether it was the client's body that could not be passed
// on, if the proxy takes the client to be gone.
func (w *responseWriter) bodyFailed() bool {
	return w.body != nil && w.body.refusal.Load() != nil || w.incoming.cutShort() != nil
}

// Hijack implements [http.Hijacker].
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	connection, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.hijacked = err == nil
	return connection, buffered, err
}

// maxStatus is the last that a response can have (RFC 9110, section 15).
const maxStatus = 999

// invalidStatusError is for an upstream that has answered with a status of its own
// invention.
type invalidStatusError struct{ status int }

func (e *invalidStatusError) Error() string {
	return fmt.Sprintf("the upstream's status is %03d", e.status)
}

// dropResponse takes out what describes a response that will not be sent.
func dropResponse(header http.Header) {
	for _, name := range []string{
		"Accept-Ranges", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length", "Content-Location",
		"Content-Range", "Etag", "Expires", "Last-Modified", "Link", "Location", "Refresh", "Set-Cookie", "Trailer", "Www-Authenticate",
	} {
		delete(header, name)
	}
}

// failure returns the refusal for handlers that have ended without a response, with
// err if they say why: the body was cut short, the upstream failed, or its response
// is none. It is nil if there is a response, or will be.
func (w *responseWriter) failure(err error) *refusal {
	if w.begun || w.hijacked || err == nil && !w.dropped {
		return nil
	}
	if w.invalid != nil {
		dropResponse(w.Header())
		return newRefusal(fmt.Errorf("%w: %w", errInvalidResponse, w.invalid))
	}
	if cause := w.incoming.cutShort(); cause != nil {
		return newRefusal(cause)
	}
	return upstreamFailure(err)
}

// withoutResponse returns the refusal for an upload that left the handlers as if it were
// answered, with nothing written: the server would say 200, and nothing was uploaded.
func withoutResponse(ctx context.Context) *refusal {
	const unhandled = "unhandled" // which Caddy sets behind the last handler
	if is, _ := caddyhttp.GetVar(ctx, unhandled).(bool); !is {
		return newRefusal(errNoResponse)
	}
	caddyhttp.SetVar(ctx, unhandled, nil) // it is handled now, for the access log
	return newRefusal(errUnhandled)
}

// Interface guard
var _ http.Hijacker = (*responseWriter)(nil)

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
func (a *answerWriter) end(err error) error {
	if err != nil && !a.begun && !a.hijacked {
		a.allowOrigin() // to read what the server or an error route will say
	}
	if a.hijacked || !a.incoming.left() {
		return err
	}
	if a.begun {
		a.incoming.drainAfter(a)
		return err
	}
	// The response is the server's, or an error route's, and comes after this.
	a.incoming.drain(a)
	if a.incoming.litters() {
		a.Header().Set("Connection", "close")
	}
	return err
}

// bodyFailed reports whether it was the client's body that could not be passed
// on, if the proxy takes the client to be gone.
func (a *answerWriter) bodyFailed() bool {
	return a.body != nil && a.body.refusal.Load() != nil || a.incoming.cutShort() != nil
}

// Hijack implements [http.Hijacker].
func (a *answerWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	connection, buffered, err := http.NewResponseController(a.ResponseWriter).Hijack()
	a.hijacked = err == nil
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
func (a *answerWriter) failure(err error) *refusal {
	if a.begun || a.hijacked || err == nil && !a.dropped {
		return nil
	}
	if a.invalid != nil {
		dropResponse(a.Header())
		return newRefusal(fmt.Errorf("%w: %w", errInvalidResponse, a.invalid))
	}
	if cause := a.incoming.cutShort(); cause != nil {
		return newRefusal(cause)
	}
	return upstreamFailure(err)
}

// unanswered returns the refusal for an upload that left the handlers as if it were
// answered, with nothing written: the server would say 200, and nothing was uploaded.
func unanswered(ctx context.Context) *refusal {
	const unhandled = "unhandled" // which Caddy sets behind the last handler
	if is, _ := caddyhttp.GetVar(ctx, unhandled).(bool); !is {
		return newRefusal(errNoResponse)
	}
	caddyhttp.SetVar(ctx, unhandled, nil) // it is handled now, for the access log
	return newRefusal(errUnhandled)
}

// Interface guard
var _ http.Hijacker = (*answerWriter)(nil)

// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"errors"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

var errEarlyData = errors.New("the TLS handshake is not complete: the request may be a copy of another's")

// refuseEarlyData returns an error with status 425 for a request in early data of TLS (0-RTT),
// which Caddy accepts over HTTP/3: anyone on the way can send it again, and whose address it
// comes from is not known. Clients send it again once the handshake is complete (RFC 8470,
// section 5.2). It is an error as of Caddy's matchers, and no response in the client's dialect:
// with `jsonerrors`, its status would be 200.
func refuseEarlyData(r *http.Request) error {
	if r.TLS == nil || r.TLS.HandshakeComplete {
		return nil
	}
	return caddyhttp.Error(http.StatusTooEarly, errEarlyData)
}

// becomesWebSocket reports whether Caddy's proxy makes a GET with an upgrade of a CONNECT (RFC
// 8441, RFC 9220). The body of any other leaves without framing, behind the head: to an
// upstream, it would be requests of their own, which the client wrote.
func becomesWebSocket(r *http.Request) bool {
	return r.ProtoMajor == 2 && r.Header.Get(":protocol") == "websocket" || r.ProtoMajor == 3 && r.Proto == "websocket"
}

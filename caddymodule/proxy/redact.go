// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
)

// redactingTransport is Caddy's own, and keeps the credential of an upload out of
// what the proxy logs of the response, as `transport uploadcare` does by itself.
type redactingTransport struct{ *reverseproxy.HTTPTransport }

// RoundTrip implements [http.RoundTripper].
func (t *redactingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	credential := handover.CredentialOf(r.Context())
	credential.Request(r)
	response, err := t.HTTPTransport.RoundTrip(r)
	return credential.Response(response, err)
}

// redact makes Caddy's transport, if handler has that one, redact what comes back.
func redact(handler *reverseproxy.Handler) {
	if caddys, ok := handler.Transport.(*reverseproxy.HTTPTransport); ok {
		handler.Transport = &redactingTransport{caddys}
	}
}

// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
)

// redactingTransport is Caddy's `transport http` that redacts an upload's credential in
// what the proxy logs and passes on of the response. `transport uploadcare` does so by
// itself.
type redactingTransport struct{ *reverseproxy.HTTPTransport }

// RoundTrip implements [http.RoundTripper].
func (t *redactingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	credential := handover.CredentialOf(r.Context())
	credential.Request(r)
	response, err := t.HTTPTransport.RoundTrip(r)
	return credential.Response(response, err)
}

// redact wraps the transport of handler if it is Caddy's. Others are left as they are:
// a wrapper would hide the optional interfaces that the proxy looks for.
func redact(handler *reverseproxy.Handler) {
	if caddys, ok := handler.Transport.(*reverseproxy.HTTPTransport); ok {
		handler.Transport = &redactingTransport{caddys}
	}
}

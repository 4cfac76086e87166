// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/resolver"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/tracing"
)

// loadTransport loads the transport, which Caddy cleans up with the config. Only http is
// accepted: others, such as fastcgi, speak to an upstream's address that a request of the
// proxy has in its context.
func (r *Resolver) loadTransport(ctx caddy.Context) error {
	if r.TransportRaw == nil {
		r.TransportRaw = json.RawMessage(`{"protocol":"http"}`)
	}
	r.transportConfig = string(r.TransportRaw) // which is nil afterwards
	loaded, err := ctx.LoadModule(r, "TransportRaw")
	if err != nil {
		return err
	}
	transport, ok := loaded.(http.RoundTripper)
	secure, speaksHTTP := loaded.(reverseproxy.TLSTransport)
	if !ok || !speaksHTTP {
		return fmt.Errorf("%s cannot send requests to an address: expected http", caddy.GetModuleName(loaded))
	}
	r.hasTLS = secure.TLSEnabled()
	if transport, ok := loaded.(reverseproxy.ProxyProtocolTransport); ok && transport.ProxyProtocolEnabled() {
		return errors.New("proxy_protocol: there is no client whose address could be sent")
	}
	if transport, ok := loaded.(*reverseproxy.HTTPTransport); ok && transport.Transport.TLSHandshakeTimeout == 0 {
		// Go goes on making a connection when the attempt that wanted it is over. Without
		// a limit, handshakes with an endpoint that hangs would pile up.
		transport.Transport.TLSHandshakeTimeout = time.Duration(r.Timeout)
	}
	r.transport = resolverTransport{transport}
	return nil
}

// resolverTransport sends requests by a transport of the proxy, which expects them to be a
// client's, with Caddy's values in their contexts.
type resolverTransport struct{ http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t resolverTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	// The transport reads a replacer and variables from the context, and sets some. It gets
	// empty ones: those of the upload that happens to wait belong to its handlers, and the
	// request outlives that upload if others wait for the credential, too.
	ctx := context.WithValue(withoutValues{request.Context()}, caddy.ReplacerCtxKey, caddy.NewReplacer())
	ctx = context.WithValue(ctx, caddyhttp.VarsCtxKey, make(map[string]any))
	if trace := httptrace.ContextClientTrace(request.Context()); trace != nil {
		ctx = httptrace.WithClientTrace(ctx, trace)
	}
	traced, span := tracing.Start(request.Context(), "resolve credential", request.Method, request.URL.Hostname())
	if span != nil {
		request = request.Clone(request.Context()) // it is the resolver's, for further attempts
		span.Inject(traced, request.Header)
	}
	response, err := t.RoundTripper.RoundTrip(request.WithContext(ctx))
	if err != nil {
		span.End(0, "resolver")
	} else {
		span.End(response.StatusCode, "")
	}
	if dial, ok := errors.AsType[reverseproxy.DialError](err); ok { // it has no Unwrap, by which the cause could be found
		err = &resolver.DialError{Err: dial}
	}
	return response, err
}

// withoutValues is a context without the values of its parent.
type withoutValues struct{ context.Context }

// Value implements [context.Context].
func (withoutValues) Value(any) any { return nil }

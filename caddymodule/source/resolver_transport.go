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
)

// loadTransport loads the transport. Caddy cleans it up with the config.
func (r *Resolver) loadTransport(ctx caddy.Context) error {
	if r.TransportRaw == nil {
		r.TransportRaw = json.RawMessage(`{"protocol":"http"}`)
	}
	r.reached = string(r.TransportRaw) // which is nil afterwards
	loaded, err := ctx.LoadModule(r, "TransportRaw")
	if err != nil {
		return err
	}
	transport, ok := loaded.(http.RoundTripper)
	secure, speaksHTTP := loaded.(reverseproxy.TLSTransport)
	if !ok || !speaksHTTP {
		return fmt.Errorf("%s cannot ask an address: expected http", caddy.GetModuleName(loaded))
	}
	r.hasTLS = secure.TLSEnabled()
	if transport, ok := loaded.(reverseproxy.ProxyProtocolTransport); ok && transport.ProxyProtocolEnabled() {
		return errors.New("proxy_protocol: there is no client whose address could be told")
	}
	if transport, ok := loaded.(*reverseproxy.HTTPTransport); ok && transport.Transport.TLSHandshakeTimeout == 0 {
		// A connection is still being made when the attempt that wanted it is
		// over.
		transport.Transport.TLSHandshakeTimeout = time.Duration(r.Timeout)
	}
	r.transport = resolverTransport{transport}
	return nil
}

// resolverTransport carries requests that are not a client's by a transport of
// the proxy.
type resolverTransport struct{ http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t resolverTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	// What the transport looks for in a request's context, empty. It must not
	// find that of the upload which happens to wait: its variables are not
	// ours to set, and it may be over.
	ctx := context.WithValue(withoutValues{request.Context()}, caddy.ReplacerCtxKey, caddy.NewReplacer())
	ctx = context.WithValue(ctx, caddyhttp.VarsCtxKey, make(map[string]any))
	if trace := httptrace.ContextClientTrace(request.Context()); trace != nil {
		ctx = httptrace.WithClientTrace(ctx, trace)
	}
	response, err := t.RoundTripper.RoundTrip(request.WithContext(ctx))
	if dial, ok := errors.AsType[reverseproxy.DialError](err); ok { // which has no Unwrap
		err = &resolver.DialError{Err: dial}
	}
	return response, err
}

// withoutValues is a context without the values of its parent.
type withoutValues struct{ context.Context }

// Value implements [context.Context].
func (withoutValues) Value(any) any { return nil }

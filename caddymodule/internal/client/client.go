// SPDX-License-Identifier: Apache-2.0

// Package client is an HTTP/1.1 client for small uploads.
//
// A [Client] is an [http.RoundTripper] with the semantics of [http.Transport]: a
// response has been received as far as its header when RoundTrip returns; errors
// of its body come from the body's Read; a request whose context ends fails with
// the context's cause. It differs in one thing: a response that arrives before the
// request has been sent (an early 413, say) is returned as soon as its header is
// there, and the rest of the request is not sent.
//
// The package exists for its cost. In net/http, three goroutines hand each request
// from one to the other, which takes as long again as writing a small upload does.
// A Client sends a small upload in its caller's goroutine over the connections of
// package wire, and leaves to [http.Transport] every request that it would not
// send at less cost.
//
// Measured with Go's client in its place, by throughput and processor time against
// Caddy's reverse_proxy (7 rounds): uploads of 20 KiB 1.56 / 0.58 with this client and
// 1.41 / 0.69 with Go's, of 1 KiB 1.25 / 0.76 and 1.07 / 0.92; over TLS to the upstream
// 1.49 / 0.61 and 1.38 / 0.66, and 1.44 / 0.66 and 1.17 / 0.83. To measure it again,
// build a Caddy in which transport.newClient returns its transport, and run
//
//	go run ./e2e/benchmark -rounds 7 -modes plain,tls-upstream -cases 20KiB,1KiB -contenders uploadcare -also gos=path/to/that/caddy
package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/handover"
)

// Client sends requests over HTTP/1.1 as an [http.Transport] does, but in the
// caller's goroutine alone. What it cannot do, or does no better, it leaves to the
// transport: see [Client.supports].
//
// It dials with the functions of the transport and observes its limits and
// timeouts, but has a connection pool of its own. It is safe for concurrent use.
type Client struct {
	transport *http.Transport
	plainOnly bool // https is left to the transport
	off       bool // everything is
	pool      pool
}

// New returns a client that leaves to transport what it does not do itself. The
// transport must have both DialContext and DialTLSContext set, and must not be
// changed afterwards. plainOnly says that DialTLSContext returns something else
// than a [wire.TLSConn] with known records: then https is left to the transport,
// since unread data below TLS could not be detected.
func New(transport *http.Transport, plainOnly bool) *Client {
	c := &Client{transport: transport, plainOnly: plainOnly}
	// The two pools do not know of each other's connections, so a limit on the
	// total could not be kept by either.
	c.off = !canPoll || transport.DisableKeepAlives || transport.MaxConnsPerHost > 0 || transport.MaxIdleConns > 0
	c.pool.init(transport.MaxIdleConnsPerHost, transport.IdleConnTimeout)
	return c
}

// CloseIdleConnections closes the idle connections of the client's own pool, and
// from now on every other one as soon as it becomes idle: after a configuration
// reload, requests may still be under way, and their connections would otherwise
// be retained in a pool that is not used again. Connections of the transport are
// not touched.
func (c *Client) CloseIdleConnections() { c.pool.close() }

// supports reports whether the client sends a request itself. It leaves to the
// transport what needs a protocol of its own: upgrades, CONNECT, proxies,
// `Expect: 100-continue`, transparent decompression.
func (c *Client) supports(r *http.Request) bool {
	switch {
	case c.off, r.URL == nil, r.Close, r.Header == nil, len(r.Header["Expect"]) > 0, len(r.Header["Upgrade"]) > 0:
		return false
	case r.URL.Scheme != "http" && (r.URL.Scheme != "https" || c.plainOnly), r.URL.Host == "", r.Method == http.MethodConnect:
		return false
	case !c.transport.DisableCompression && len(r.Header["Accept-Encoding"]) == 0: // net/http would ask for gzip, and decompress
		return false
	// A body of unknown length may turn out to be empty: net/http probes it then,
	// so that a GET does not leave chunked.
	case (r.Body == nil || r.Body == http.NoBody) != (r.ContentLength == 0), r.ContentLength < 0 && !mayHaveBody(r.Method):
		return false
	}
	if c.transport.Proxy == nil {
		return true
	}
	proxy, err := c.transport.Proxy(r)
	return proxy == nil && err == nil
}

// mayHaveBody reports whether requests with the method usually have a body.
func mayHaveBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// RoundTrip implements [http.RoundTripper]. It closes the request's body in any
// case, but possibly after it has returned. A request without a body is repeated
// on another connection if the upstream closed an idle one just then (RFC 9112,
// section 9.3.1); one with a body is not, for its bytes may be gone, and neither is one whose
// body is empty and there to say so ([handover.Request.Empty]).
func (c *Client) RoundTrip(given *http.Request) (*http.Response, error) {
	r, once := given, isSentOnce(given)
	if once {
		r = withoutBody(given)
	}
	if !c.supports(r) {
		return c.transport.RoundTrip(given)
	}
	if err := validate(r); err != nil {
		closeBody(r)
		return nil, err
	}
	for {
		if r.Context().Err() != nil {
			closeBody(r)
			return nil, context.Cause(r.Context())
		}
		connection, err := c.connect(r)
		if err != nil {
			closeBody(r)
			return nil, err
		}
		response, err := connection.exchange(r)
		if err == nil || !connection.wasClosedIdle() || isTimeout(err) || once || !canRepeat(r) {
			return response, err
		}
	}
}

// isSentOnce reports whether a request has an empty body for the sole reason that it must not
// be repeated.
func isSentOnce(r *http.Request) bool {
	return r.ContentLength < 0 && !mayHaveBody(r.Method) && handover.IsEmpty(r.Context())
}

// withoutBody returns a copy of a request that leaves without its body, which is empty.
func withoutBody(r *http.Request) *http.Request {
	closeBody(r)
	bare := *r
	bare.Body, bare.ContentLength = http.NoBody, 0
	return &bare
}

// connect returns a connection for a request: the one that became idle last, whose
// sockets and caches are warmest, or a new one.
func (c *Client) connect(r *http.Request) (*persistentConn, error) {
	to := host{r.URL.Scheme, r.URL.Host}
	if connection := c.pool.take(to); connection != nil {
		return connection, nil
	}
	dial, port := c.transport.DialContext, "80"
	if to.scheme == "https" {
		dial, port = c.transport.DialTLSContext, "443"
	}
	address := to.address
	if r.URL.Port() == "" {
		address = net.JoinHostPort(r.URL.Hostname(), port)
	}
	address, err := httpguts.PunycodeHostPort(address)
	if err != nil {
		return nil, err
	}
	connection, err := dial(r.Context(), "tcp", address)
	if err != nil {
		if cause := context.Cause(r.Context()); cause != nil {
			err = cause
		}
		return nil, err
	}
	return newPersistentConn(connection, c, to), nil
}

// canRepeat reports whether a request may be sent again although it is not known
// whether the upstream processed it: only safe methods (RFC 9110, section 9.2.2),
// without a body that has been read already.
func canRepeat(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return r.Body == nil || r.Body == http.NoBody
	}
	return false
}

var (
	errInvalidHeader = errors.New("invalid header field")
	errInvalidMethod = errors.New("invalid method")
)

// validate refuses a method or header field that some parser on the way could read
// as the end of the field, and so as another request (request smuggling). The
// error names the field but does not quote its value, which may be a secret.
func validate(r *http.Request) error {
	if r.Method != "" && !httpguts.ValidHeaderFieldName(r.Method) { // a token, as a field name is (RFC 9110, section 9.1)
		return fmt.Errorf("%w %q", errInvalidMethod, r.Method)
	}
	for _, header := range []http.Header{r.Header, r.Trailer} {
		for name, values := range header {
			if !httpguts.ValidHeaderFieldName(name) {
				return fmt.Errorf("%w name %q", errInvalidHeader, name)
			}
			for _, value := range values {
				if !httpguts.ValidHeaderFieldValue(value) {
					return fmt.Errorf("%w value for %q", errInvalidHeader, name)
				}
			}
		}
	}
	return nil
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// headerTimeoutError is for a response whose header did not come within
// ResponseHeaderTimeout. It is a [net.Error], for Caddy's proxy makes a 504 of one
// that is a timeout, and a 502 of any other error.
type headerTimeoutError struct{ after time.Duration }

func (e *headerTimeoutError) Error() string { return fmt.Sprintf("no response within %v", e.after) }
func (*headerTimeoutError) Timeout() bool   { return true }
func (*headerTimeoutError) Temporary() bool { return true }

// Interface guards
var (
	_ http.RoundTripper = (*Client)(nil)
	_ net.Error         = (*headerTimeoutError)(nil)
)

// SPDX-License-Identifier: Apache-2.0

// Package client is an HTTP/1.1 client for small uploads.
//
// What Go's own does beside writing costs a small upload as much as that again:
// three goroutines take turns. A [Client] sends over connections of package wire,
// a small upload in the goroutine of its caller, and leaves to Go's what it is no
// better at.
package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Client sends requests over HTTP/1.1, as an [http.Transport] does, with less
// of what small ones cost there: of the three goroutines that take turns at
// each, a Client needs the caller's own. What it cannot do, or only as well, it
// leaves to the transport: see [Client.takes].
//
// Connections are made by the functions of the transport and kept by its
// limits, but are the Client's own. All that it takes over shares them.
type Client struct {
	transport *http.Transport
	plainOnly bool
	off       bool
	pool      pool
}

// New returns a client that leaves to transport what it does not do
// itself. The transport must have both its functions that dial, and not be
// changed any more. plainOnly says that over TLS they return other connections
// than a [wire.TLSConn] whose records are known.
func New(transport *http.Transport, plainOnly bool) *Client {
	c := &Client{transport: transport, plainOnly: plainOnly}
	// Connections of two pools cannot be counted together.
	c.off = !canPoll || transport.DisableKeepAlives || transport.MaxConnsPerHost > 0 || transport.MaxIdleConns > 0
	c.pool.init(transport.MaxIdleConnsPerHost, transport.IdleConnTimeout)
	return c
}

// CloseIdleConnections closes the client's own connections that are idle, and
// from now on those that become so, for others may be using the client still.
// Those of the transport are the transport's.
func (c *Client) CloseIdleConnections() { c.pool.close() }

// takes reports whether the client sends a request itself.
func (c *Client) takes(r *http.Request) bool {
	switch {
	case c.off, r.URL == nil, r.Close, r.Header == nil, len(r.Header["Expect"]) > 0, len(r.Header["Upgrade"]) > 0:
		return false
	case r.URL.Scheme != "http" && (r.URL.Scheme != "https" || c.plainOnly), r.URL.Host == "", r.Method == http.MethodConnect:
		return false
	case !c.transport.DisableCompression && len(r.Header["Accept-Encoding"]) == 0: // it would decompress
		return false
	case (r.Body == nil || r.Body == http.NoBody) != (r.ContentLength == 0), r.ContentLength < 0 && !mayHaveBody(r.Method): // it looks what is there
		return false
	}
	if c.transport.Proxy == nil {
		return true
	}
	proxy, err := c.transport.Proxy(r)
	return proxy == nil && err == nil
}

// mayHaveBody reports whether the method is one whose requests mostly have a body.
func mayHaveBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// RoundTrip implements [http.RoundTripper].
func (c *Client) RoundTrip(r *http.Request) (*http.Response, error) {
	if !c.takes(r) {
		return c.transport.RoundTrip(r)
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
		if err == nil || !connection.lostIdle() || isTimeout(err) || !canRepeat(r) {
			return response, err
		}
	}
}

// connect returns a connection for a request: the one that became idle last, or
// a new one.
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
// what became of it (RFC 9110, section 9.2.2).
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

// validate refuses what would not be one request to everybody.
func validate(r *http.Request) error {
	if r.Method != "" && !httpguts.ValidHeaderFieldName(r.Method) { // both are tokens
		return fmt.Errorf("%w %q", errInvalidMethod, r.Method)
	}
	for _, header := range []http.Header{r.Header, r.Trailer} {
		for name, values := range header {
			if !httpguts.ValidHeaderFieldName(name) {
				return fmt.Errorf("%w name %q", errInvalidHeader, name)
			}
			for _, value := range values {
				if !httpguts.ValidHeaderFieldValue(value) { // which may be a secret
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

// headerTimeoutError is a [net.Error], which proxies look for.
type headerTimeoutError struct{ after time.Duration }

func (e *headerTimeoutError) Error() string { return fmt.Sprintf("no response within %v", e.after) }
func (*headerTimeoutError) Timeout() bool   { return true }
func (*headerTimeoutError) Temporary() bool { return true }

// Interface guards
var (
	_ http.RoundTripper = (*Client)(nil)
	_ net.Error         = (*headerTimeoutError)(nil)
)

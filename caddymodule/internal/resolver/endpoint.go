// SPDX-License-Identifier: Apache-2.0

// Package resolver requests credentials of the Upload API from a user's HTTP
// endpoint. It does not know Caddy.
//
// [Endpoint.Token] blocks until there is a credential or a final error: retries,
// redirects and pauses are within it, and within [Endpoint.Timeout]. It caches
// nothing, and does not limit concurrency; package token does both. No error quotes
// a credential, a header, or more of an address than its origin.
package resolver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// Bounds of the pauses between attempts. They are short, because an upload may be
// waiting. Package token has the longer pauses between one call and the next.
const (
	minPause = 100 * time.Millisecond
	maxPause = 2 * time.Second
)

// Endpoint is an HTTP endpoint that hands out credentials. It is safe for concurrent
// use if Transport and Retrying are, and must not be changed meanwhile.
type Endpoint struct {
	// URL is the address, as [ParseAddress] returns it. A user and password in it
	// are sent as basic authentication.
	URL *url.URL
	// Header is sent with each request. A Host in it replaces that of URL.
	Header http.Header
	// Transport sends the requests. It must not follow redirects.
	Transport http.RoundTripper
	// Timeout bounds all attempts, redirects and pauses of one call together.
	Timeout time.Duration
	// Retries is how many attempts may follow one that failed transiently: without a
	// response, or with 408, 429 or 5xx.
	Retries int
	// Retrying, if not nil, is called before the pause that precedes each retry.
	Retrying func(cause error, pause time.Duration)
}

// Token requests a credential. Its error is that of ctx, if that has ended;
// [token.ErrRefused] if the endpoint refuses; [token.ErrUnreachable] if the last
// attempt got no connection; one with a method Timeout that returns true if it waited
// in vain; or another if the response is invalid. Errors show the endpoint's origin and
// nothing else of the request or the response. If the endpoint said when to try again,
// the error has a method RetryAfter.
func (e *Endpoint) Token(ctx context.Context) (token.Token, error) {
	whole, deadline := ctx, time.Now().Add(e.Timeout)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval, pauses.Multiplier = minPause, maxPause, 2
	for retries := 0; ; retries++ {
		granted, err := e.attempt(ctx)
		switch {
		case err == nil:
			return granted, nil
		case whole.Err() != nil:
			return token.Token{}, whole.Err()
		}
		err = fmt.Errorf("%s: %w", origin(e.URL), err)
		var transient *transientError
		if retries >= e.Retries || !errors.As(err, &transient) {
			return token.Token{}, err
		}
		// A Retry-After is observed even if it leaves no time for a retry. Then it
		// travels in the error, and the cache observes it before the next call.
		pause := max(min(pauses.NextBackOff(), maxPause), transient.after)
		if time.Until(deadline) <= pause {
			return token.Token{}, err
		}
		if e.Retrying != nil {
			e.Retrying(err, pause)
		}
		if wait(ctx, pause) != nil {
			return token.Token{}, whole.Err()
		}
	}
}

// wait waits for a pause, or returns the error of ctx if that ends before.
func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

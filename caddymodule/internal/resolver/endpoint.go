// SPDX-License-Identifier: Apache-2.0

// Package resolver asks HTTP endpoints for credentials of the Upload API, and
// reads what they answer. It knows nothing of Caddy.
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

// Bounds of the pauses between attempts. They are short: an upload may wait.
const (
	minPause = 100 * time.Millisecond
	maxPause = 2 * time.Second
)

// Endpoint is what hands out credentials.
type Endpoint struct {
	// URL is where it is, as [ParseAddress] returns it. A user and password in
	// it become a header.
	URL *url.URL
	// Header is sent with each request.
	Header http.Header
	// Transport carries the requests.
	Transport http.RoundTripper
	// Timeout is how long asking may take, all attempts, redirects and pauses
	// together.
	Timeout time.Duration
	// Retries is how many further attempts there are after one that failed in
	// a way that may pass.
	Retries int
	// Retrying, unless it is nil, is told before each pause.
	Retrying func(cause error, pause time.Duration)
}

// Token asks for a credential. Its errors are the one of ctx,
// [token.ErrRefused], [token.ErrUnreachable] if the last attempt got no
// connection, others with a method Timeout if it waited in vain, and others if
// the answer is none; they show the endpoint's
// scheme and host, and nothing else of the request, nor anything of the answer.
// One that says when to ask again has a method RetryAfter.
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
		var passing *passingError
		if retries >= e.Retries || !errors.As(err, &passing) {
			return token.Token{}, err
		}
		// The endpoint is left alone for as long as it says: if that is longer
		// than there is time, it is for whoever asks next to keep to it.
		pause := max(min(pauses.NextBackOff(), maxPause), passing.after)
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

// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/resolver"
)

// endpoint returns the endpoint to send requests to. It is made for each credential anew,
// for a file with a part of its address may have changed.
func (r *Resolver) endpoint(header http.Header) (*resolver.Endpoint, error) {
	address, err := resolver.ParseAddress(r.url.get(), r.InsecureHTTP)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	return &resolver.Endpoint{
		URL: address, Header: header, Transport: r.transport,
		Timeout: time.Duration(r.Timeout), Retries: *r.Retries,
		Retrying: func(cause error, pause time.Duration) {
			if check := r.logger.Check(r.retryLevel(), "the resolver failed and is asked again"); check != nil {
				check.Write(zap.Duration("pause", pause), zap.Error(cause))
			}
		},
	}, nil
}

// retryLevel returns the level at which a retry is logged: a warning if there was none in
// the last retryWarningInterval.
func (r *Resolver) retryLevel() zapcore.Level {
	now, last := time.Now().UnixNano(), r.retried.Load()
	if now-last < int64(retryWarningInterval) || !r.retried.CompareAndSwap(last, now) {
		return zapcore.DebugLevel
	}
	return zapcore.WarnLevel
}

// Token implements [Source].
func (r *Resolver) Token(ctx context.Context, now time.Time) (Token, error) {
	bound, err := r.bind(nil)
	if err != nil {
		return Token{}, err
	}
	return bound.Token(ctx, now)
}

// CacheKey implements [Source]. Placeholders of the request are not replaced in it: it
// identifies the resolver as it is configured, for all of its callers.
func (r *Resolver) CacheKey() string {
	var key strings.Builder
	r.writeKeyBase(&key)
	for _, header := range r.headers {
		header.appendKey(&key)
	}
	return key.String()
}

// writeKeyBase begins a cache key with what decides where a credential comes from. The
// timeout and the retries are no part of it: a reload that changes them keeps the tokens.
func (r *Resolver) writeKeyBase(key *strings.Builder) {
	_, _ = fmt.Fprintf(key, "%q %t %q", r.url.get(), r.InsecureHTTP, r.transportConfig)
}

// DependsOnRequest implements [RequestSource].
func (r *Resolver) DependsOnRequest() bool {
	for _, header := range r.headers {
		if header.ofRequest {
			return true
		}
	}
	return false
}

// ForRequest implements [RequestSource].
func (r *Resolver) ForRequest(replacer *caddy.Replacer) (Source, error) {
	return r.bind(func(name string) (any, bool) {
		value, known := replacer.Get(name)
		if !known {
			if check := r.logger.Check(zapcore.DebugLevel, "no handler has set a placeholder of the resolver's headers"); check != nil {
				check.Write(zap.String("placeholder", name))
			}
		}
		return value, known
	})
}

// bind returns the resolver with the headers for one request. requestValue returns the
// values of the request's placeholders; it is nil if there is no request.
func (r *Resolver) bind(requestValue func(name string) (any, bool)) (*boundResolver, error) {
	bound := &boundResolver{resolver: r, header: make(http.Header)}
	var key strings.Builder
	r.writeKeyBase(&key)
	for _, header := range r.headers {
		value, err := header.value(requestValue)
		if err != nil {
			return nil, err
		}
		if value != "" {
			bound.header.Add(header.name, value)
			_, _ = fmt.Fprintf(&key, " %q:%q", header.name, value)
		}
	}
	bound.key = key.String()
	return bound, nil
}

// boundResolver is a resolver with the headers for one request. It holds their values, and
// not the request's replacer, which must not be used after the request.
type boundResolver struct {
	resolver *Resolver
	header   http.Header
	key      string
}

// Token implements [Source].
func (b *boundResolver) Token(ctx context.Context, _ time.Time) (Token, error) {
	endpoint, err := b.resolver.endpoint(b.header)
	if err != nil {
		return Token{}, err
	}
	return endpoint.Token(ctx)
}

// CacheKey implements [Source].
func (b *boundResolver) CacheKey() string { return b.key }

// Interface guard
var _ Source = (*boundResolver)(nil)

// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
)

// The transport is given a context of its own: nothing of the upload that
// happens to wait is to be seen there, since it may be over, and others share
// the token.
func TestTheTransportSeesNothingOfTheUpload(t *testing.T) {
	type contextKey struct{}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), contextKey{}, 1))
	ctx = context.WithValue(ctx, caddyhttp.VarsCtxKey, map[string]any{"key": 1})
	r := httptest.NewRequest(http.MethodGet, "https://app/", nil).WithContext(ctx)
	transport := resolverTransport{fixture.RoundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Context().Value(contextKey{}) != nil || caddyhttp.GetVar(r.Context(), "key") != nil {
			t.Error("the transport sees values of the upload")
		}
		caddyhttp.SetVar(r.Context(), "key", 2)
		if caddyhttp.GetVar(r.Context(), "key") != 2 || r.Context().Value(caddy.ReplacerCtxKey) == nil {
			t.Error("the transport lacks what it needs")
		}
		cancel()
		<-r.Context().Done()
		return nil, r.Context().Err()
	})}
	if _, err := transport.RoundTrip(r); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if caddyhttp.GetVar(ctx, "key") != 1 {
		t.Error("the transport has set a variable of the upload")
	}
}

// A resolver that is down is asked every few seconds, and reported every ten.
func TestRetriesAreReportedEveryTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &Resolver{retried: new(atomic.Int64)}
		time.Sleep(time.Second)
		warned := 0
		for range 60 {
			if r.retryLevel() == zapcore.WarnLevel {
				warned++
			}
			time.Sleep(time.Second)
		}
		if warned != 6 {
			t.Errorf("%d warnings in a minute", warned)
		}
	})
}

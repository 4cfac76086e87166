// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// expiring returns a project with a static pair, not watched yet.
func expiring(pair Token, threshold time.Duration) (*Project, *observer.ObservedLogs) {
	static := &Static{pair: new(atomic.Pointer[Token])}
	static.pair.Store(&pair)
	project := &Project{threshold: threshold, source: static, credentials: &credentials{clock: token.SystemClock()}}
	return project, observe(project, zapcore.WarnLevel)
}

func soon(pair Token) string {
	return fmt.Sprintf("warn the static credential expires soon: it needs another in its place expire=%d expires=%s fallback=false", pair.Expire, rfc3339(pair))
}

func late(pair Token) string {
	return fmt.Sprintf("warn the static credential has expired: it needs another in its place expire=%d expires=%s fallback=false", pair.Expire, rfc3339(pair))
}

func rfc3339(pair Token) string { return time.Unix(pair.Expire, 0).UTC().Format(time.RFC3339) }

// Nobody uploads here.
func TestAStaticPairsExpiryIsToldAThresholdAheadAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		ctx, unload := context.WithCancel(t.Context())
		pair := pairFor(3*time.Hour + 10*time.Second)
		project, logs := expiring(pair, time.Hour)
		project.watchExpiry(ctx)
		pass := func(span time.Duration, want ...string) {
			t.Helper()
			time.Sleep(span)
			synctest.Wait()
			wantLines(t, logs, want...)
		}
		pass(2*time.Hour + 9*time.Second)
		pass(time.Second, soon(pair))
		pass(time.Hour - time.Second)
		pass(time.Second, late(pair))
		pass(24 * time.Hour)
		// Another pair begins anew.
		another := pairFor(90 * time.Minute)
		project.source.(*Static).pair.Store(&another)
		pass(30*time.Minute - time.Second)
		pass(expiryInterval, soon(another))
		unload()
		pass(24 * time.Hour)
	})
}

func TestAReloadDoesNotRepeatTheWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		ctx, unload := context.WithCancel(t.Context())
		pair := pairFor(time.Minute)
		before, logs := expiring(pair, time.Hour)
		before.watchExpiry(ctx)
		wantLines(t, logs, soon(pair)) // at load
		after, logs := expiring(pair, time.Hour)
		after.credentials = before.credentials
		reloaded, stop := context.WithCancel(t.Context())
		defer stop()
		after.watchExpiry(reloaded)
		unload()
		wantLines(t, logs)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		wantLines(t, logs, late(pair))
	})
}

func TestAnExpiredPairIsToldAtLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		ctx, unload := context.WithCancel(t.Context())
		defer unload()
		pair := pairFor(-time.Hour)
		project, logs := expiring(pair, time.Hour)
		project.watchExpiry(ctx)
		wantLines(t, logs, late(pair))
		time.Sleep(time.Hour)
		synctest.Wait()
		wantLines(t, logs)
	})
}

// A clock that is set while the pair is watched is noticed within a minute.
func TestAClockThatIsSetIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		ctx, unload := context.WithCancel(t.Context())
		defer unload()
		pair := pairFor(24 * time.Hour)
		project, logs := expiring(pair, time.Hour)
		project.watchExpiry(ctx)
		project.credentials.clock.Correct(23 * time.Hour)
		time.Sleep(expiryInterval)
		synctest.Wait()
		wantLines(t, logs, soon(pair))
	})
}

func TestAFallbacksExpiryIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(bubbleAge)
		ctx, unload := context.WithCancel(t.Context())
		defer unload()
		pair := pairFor(-time.Hour)
		project, logs := expiring(pair, time.Hour)
		project.source, project.fallback = new(failing), project.source
		project.watchExpiry(ctx)
		wantLines(t, logs, strings.Replace(late(pair), "fallback=false", "fallback=true", 1))
	})
}

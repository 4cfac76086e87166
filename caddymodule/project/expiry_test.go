// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// fixedSource is the guest module `uploadcare.sources.fixed_in_test`: a source of
// another author's that has one credential.
type fixedSource struct {
	Lifetime caddy.Duration `json:"lifetime,omitempty"`
	InHeader bool           `json:"in_header,omitempty"` // an access token
	held     atomic.Pointer[token.Token]
}

func init() { caddy.RegisterModule(new(fixedSource)) }

func (*fixedSource) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "uploadcare.sources.fixed_in_test", New: func() caddy.Module { return new(fixedSource) }}
}

func (f *fixedSource) Provision(caddy.Context) error {
	pair, err := fixture.PairFor(time.Duration(f.Lifetime)), error(nil)
	if f.InHeader {
		pair, err = token.MintAccessToken(fixture.Secret, time.Now(), time.Duration(f.Lifetime), []string{"/*"}, 0)
	}
	f.held.Store(&pair)
	return err
}

func (f *fixedSource) Token(context.Context, time.Time) (token.Token, error) { return f.Held(), nil }

func (f *fixedSource) Held() token.Token { return *f.held.Load() }

func (f *fixedSource) CacheKey() string { return f.Held().Signature + f.Held().AccessToken }

// Interface guard
var _ source.FixedSource = (*fixedSource)(nil)

// expiring returns a project with a static pair, not watched yet.
func expiring(pair token.Token, threshold time.Duration) (*Project, *observer.ObservedLogs) {
	fixed := new(fixedSource)
	fixed.held.Store(&pair)
	project := &Project{threshold: threshold, source: fixed, credentials: &credentials{clock: token.SystemClock()}}
	return project, observe(project, zapcore.WarnLevel)
}

// watched returns a project with a static pair that is watched until the test ends.
func watched(t *testing.T, lifetime time.Duration) (*Project, token.Token, *observer.ObservedLogs) {
	t.Helper()
	time.Sleep(fixture.UntilTenDigits)
	pair := fixture.PairFor(lifetime)
	project, logs := expiring(pair, time.Hour)
	project.watchExpiry(t.Context())
	return project, pair, logs
}

func soon(pair token.Token) string {
	return fmt.Sprintf("warn the static credential expires soon: it needs another in its place expire=%d expires=%s fallback=false", pair.Expire, rfc3339(pair))
}

func late(pair token.Token) string {
	return fmt.Sprintf("error the static credential has expired: it needs another in its place expire=%d expires=%s fallback=false", pair.Expire, rfc3339(pair))
}

func rfc3339(pair token.Token) string { return time.Unix(pair.Expire, 0).UTC().Format(time.RFC3339) }

// No upload comes here.
func TestAStaticPairsExpiryIsLoggedAThresholdAheadAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(fixture.UntilTenDigits)
		ctx, unload := context.WithCancel(t.Context())
		pair := fixture.PairFor(3*time.Hour + 10*time.Second)
		project, logs := expiring(pair, time.Hour)
		project.watchExpiry(ctx)
		pass := func(span time.Duration, want ...string) {
			t.Helper()
			time.Sleep(span)
			synctest.Wait()
			fixture.WantLines(t, logs, want...)
		}
		pass(2*time.Hour + 9*time.Second)
		pass(time.Second, soon(pair))
		pass(time.Hour - time.Second)
		pass(time.Second, late(pair))
		pass(24 * time.Hour)
		// Another pair begins anew.
		another := fixture.PairFor(90 * time.Minute)
		project.source.(*fixedSource).held.Store(&another)
		pass(30*time.Minute - time.Second)
		pass(expiryInterval, soon(another))
		unload()
		pass(24 * time.Hour)
	})
}

func TestAReloadDoesNotRepeatTheWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(fixture.UntilTenDigits)
		ctx, unload := context.WithCancel(t.Context())
		pair := fixture.PairFor(time.Minute)
		before, logs := expiring(pair, time.Hour)
		before.watchExpiry(ctx)
		fixture.WantLines(t, logs, soon(pair)) // at load
		after, logs := expiring(pair, time.Hour)
		after.credentials = before.credentials
		reloaded, stop := context.WithCancel(t.Context())
		defer stop()
		after.watchExpiry(reloaded)
		unload()
		fixture.WantLines(t, logs)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		fixture.WantLines(t, logs, late(pair))
	})
}

func TestAnExpiredPairIsLoggedAtLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, pair, logs := watched(t, -time.Hour)
		fixture.WantLines(t, logs, late(pair))
		time.Sleep(time.Hour)
		synctest.Wait()
		fixture.WantLines(t, logs)
	})
}

// A clock that is set while the pair is watched is noticed within a minute.
func TestAClockThatIsSetIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		project, pair, logs := watched(t, 24*time.Hour)
		project.credentials.clock.Correct(23 * time.Hour)
		time.Sleep(expiryInterval)
		synctest.Wait()
		fixture.WantLines(t, logs, soon(pair))
	})
}

func TestAFallbacksExpiryIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(fixture.UntilTenDigits)
		pair := fixture.PairFor(-time.Hour)
		project, logs := expiring(pair, time.Hour)
		project.source, project.fallback = new(fixture.Source), project.source
		project.watchExpiry(t.Context())
		fixture.WantLines(t, logs, strings.NewReplacer("fallback=false", "fallback=true", "error ", "warn ").Replace(late(pair)))
	})
}

// Whichever module the source is, as the source or as the fallback.
func TestTheExpiryOfAnyFixedSourceIsReported(t *testing.T) {
	const live = `{"module":"scripted_in_test"}`
	for name, fixed := range map[string]func() string{
		"static":  func() string { return fixture.Static(fixture.PairFor(time.Hour)) },
		"a guest": func() string { return `{"module":"fixed_in_test","lifetime":"1h"}` },
	} {
		for _, isFallback := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, as fallback %t", name, isFallback), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(fixture.UntilTenDigits)
					pair := fixture.PairFor(time.Hour)
					config := `"source":` + fixed()
					if isFallback {
						config = `"source":` + live + `,"fallback":` + fixed()
					}
					core, logs := observer.New(zapcore.WarnLevel)
					project := &Project{}
					if err := json.Unmarshal([]byte(`{"public_key":"p",`+config+`}`), project); err != nil {
						t.Fatal(err)
					}
					ctx, unload := caddy.NewContext(caddy.Context{Context: t.Context()})
					defer unload()
					var set Set
					defer func() { _ = set.Release() }()
					if err := set.Provision(ctx, zap.New(core), []*Project{project}, nil); err != nil {
						t.Fatal(err)
					}
					fixture.Lines(logs) // that there are two, if so
					of := func(line string) string {
						line = strings.Replace(line, " expire=", " public_key=p expire=", 1)
						if isFallback { // without which uploads still succeed
							line = strings.Replace(line, "error ", "warn ", 1)
						}
						return strings.Replace(line, "fallback=false", fmt.Sprintf("fallback=%t", isFallback), 1)
					}
					time.Sleep(49 * time.Minute)
					synctest.Wait()
					fixture.WantLines(t, logs)
					time.Sleep(time.Minute)
					synctest.Wait()
					fixture.WantLines(t, logs, of(soon(pair)))
					time.Sleep(10 * time.Minute)
					synctest.Wait()
					fixture.WantLines(t, logs, of(late(pair)))
				})
			})
		}
	}
}

// A guest source that panics when it is looked at does not end the gateway, and is
// logged once; at load, it is an error.
func TestAFixedSourceThatPanicsEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		project, pair, logs := watched(t, 3*time.Hour)
		held := &project.source.(*fixedSource).held
		held.Store(nil)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		fixture.WantLines(t, logs, "error the static credential cannot be looked at, so nothing warns of its expiry source=fixed_in_test fallback=false "+
			"error=the source panicked with a runtime.errorString")
		if err := project.checkFixed(); !errors.Is(err, errSourcePanicked) {
			t.Errorf("at load: %v", err)
		}
		held.Store(&pair)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		fixture.WantLines(t, logs, soon(pair))
	})
}

// An access token that does not change is of the other scheme than a signature.
func TestAFixedSourceIsOfItsScheme(t *testing.T) {
	for scheme, want := range map[string]string{"signature": "", "token": "fixed_in_test: a signature is no credential of scheme token"} {
		_, err := NewProjects(t, `{"projects":[{"public_key":"p","scheme":"`+scheme+`","source":{"module":"fixed_in_test","lifetime":"1h"}}]}`)
		if got := fmt.Sprint(err); want == "" && err != nil || !strings.Contains(got, want) {
			t.Errorf("%s: %v", scheme, err)
		}
	}
	project := MustProject(t, `{"projects":[{"public_key":"p","scheme":"token","source":{"module":"fixed_in_test","lifetime":"1h","in_header":true}}]}`)
	if granted, err := project.grantor().Token(t.Context()); err != nil || granted.AccessToken == "" {
		t.Errorf("got %v, %v", granted, err)
	}
}

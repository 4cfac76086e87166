// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// tokenPool holds the credentials of all loaded configs, so that a reload does not lose
// them and make every project ask its source at once. Its keys are hashes, since they are
// made from secrets.
var tokenPool = caddy.NewUsagePool()

// errSourcePanicked means that a guest source has panicked.
var errSourcePanicked = errors.New("the source panicked")

// credentials are a project's cached tokens and what is known about them. They outlive the
// config, and go on working, out of the pool, for requests of an old config that still use
// them.
type credentials struct {
	project string // the project's name in metrics
	clock   *token.Clock
	cache   *token.Cache
	callers *token.Callers // of a source that depends on the request

	correction correction
	rotation   *token.Rotation // of the source's secret keys
	standIn    *token.Rotation // of the fallback of a source that has keys
	reported   reported
	warnings   expiryWarnings // about static credentials
	asked      asked
	rejected   atomic.Pointer[Failure] // the last rejection by the service
	source     string                  // its name in metrics
	// storage is a [storageState].
	storage atomic.Int32
}

// Destruct implements [caddy.Destructor].
func (c *credentials) Destruct() error {
	metrics.forget(c.project)
	return nil
}

// acquireCredentials takes the project's credentials from the pool.
func (p *Project) acquireCredentials(ctx caddy.Context) error {
	hash := sha256.New()
	// Quoted, so that no two projects are the same text with its words divided
	// differently.
	_, _ = fmt.Fprintf(hash, "%q %q %q %d %q %d", p.publicKey, p.Scheme, caddy.GetModuleID(p.source), p.threshold, p.source.CacheKey(), p.keyring.turns())
	p.keyring.writeTo(hash)
	key := hex.EncodeToString(hash.Sum(nil))
	pooled, _, err := tokenPool.LoadOrNew(key, func() (caddy.Destructor, error) {
		clock := token.SystemClock()
		return &credentials{
			project: p.publicKey,
			source:  sourceName(p.source),
			clock:   clock,
			cache:   token.NewCache(p.threshold, clock),
			callers: token.NewCallers(p.threshold, clock),

			rotation: token.NewRotation(p.keyring.turns(), clock),
			standIn:  token.NewRotation(1, clock),
		}, nil
	})
	if err != nil {
		return err
	}
	credentials := pooled.(*credentials)
	p.credentials, p.poolKey = credentials, key
	// After the pool has them: an old config that ends now deletes the series of all
	// projects that are not in it.
	p.metrics = newProjectMetrics(p.publicKey, sourceName(p.source), p.fallback != nil, p.refusals)
	// Before askSource, which shares what is asked for through the fleet.
	p.joinFleet(ctx)
	// A source with keys would sign with its first one; the keyring has the one whose
	// turn it is.
	asked := p.source
	if p.keyring != nil {
		p.keyring.rotation = credentials.rotation
		asked = p.keyring
	}
	p.ask = p.askSource(asked)
	if changing, ok := p.source.(source.ChangingSource); ok {
		// What the old secret signed would be rejected, and what the service said of the
		// old keys says nothing about the new ones.
		changing.OnChange(func() {
			credentials.rotation.Reset()
			credentials.cache.Clear()
			credentials.callers.Clear()
			credentials.asked.reminder.Reset() // whether it still fails with the new one is news
		})
	}
	return nil
}

// release returns the credentials to the pool. It may be called on a project that was not
// provisioned, or only in part.
func (p *Project) release() error {
	if p == nil || p.poolKey == "" {
		return nil
	}
	loaded.remove(p)
	p.released.Store(true)
	// Caddy also cleans up after a Provision that failed. A second Delete would take the
	// reference of another config.
	_, err := tokenPool.Delete(p.poolKey)
	p.poolKey = ""
	return err
}

// askSource returns the function by which the cache asks a source: shared with the fleet,
// checked, logged and counted.
func (p *Project) askSource(src source.Source) token.Source {
	return p.share(src, func(ctx context.Context, asking token.Asking) (source.Token, error) {
		p.logAsking(asking)
		began := time.Now()
		fresh, err := p.obtain(ctx, src, asking.Now)
		took := time.Since(began)
		p.metrics.asked(took, err)
		// That one caller gets a credential says nothing about the others.
		p.note(err, took, p.perRequest != nil)
		if err == nil {
			p.logObtained(fresh, took)
		}
		return fresh, err
	})
}

// signWith makes a credential with one of the secret keys, for one attempt.
func (p *Project) signWith(ctx context.Context, key int) (source.Token, error) {
	// A client that leaves is no failure of the key.
	return p.forAttempt(func(now time.Time) (source.Token, error) {
		return p.keyring.keys[key].Token(context.WithoutCancel(ctx), now)
	})
}

// authorizeWith makes an access token for one attempt.
func (p *Project) authorizeWith(maker source.AccessTokenSource, paths []string) (source.Token, error) {
	return p.forAttempt(func(now time.Time) (source.Token, error) { return maker.AccessToken(now, paths) })
}

// forAttempt makes a credential for one attempt, which is not cached. It reports failures
// only: a log line for each success would be one for each upload.
func (p *Project) forAttempt(ask func(now time.Time) (source.Token, error)) (source.Token, error) {
	began, clock := time.Now(), p.credentials.clock
	offset := clock.Offset()
	fresh, err := p.checkToken(askRecovered(ask, clock.Now().Wall))
	if err != nil && clock.Offset() != offset {
		// Another upload's response has corrected the clock meanwhile. What was made by
		// the wrong time may have expired by the right one.
		fresh, err = p.checkToken(askRecovered(ask, clock.Now().Wall))
	}
	took := time.Since(began)
	p.note(err, took, true)
	if err != nil {
		p.metrics.asked(took, err)
	}
	return fresh, err
}

// obtain asks a source, and checks the token that it yields.
func (p *Project) obtain(ctx context.Context, src source.Source, now time.Time) (source.Token, error) {
	return p.checkToken(askRecovered(func(now time.Time) (source.Token, error) { return src.Token(ctx, now) }, now))
}

// checkToken checks a token that a source has yielded: a guest may be wrong, and an expired
// or empty token must not leave.
func (p *Project) checkToken(fresh source.Token, err error) (source.Token, error) {
	switch {
	case err != nil:
	// Passed on, it would become a rejection by the service, and its cause would be
	// looked for there.
	case (p.Scheme == source.SchemeToken) != (fresh.AccessToken != ""):
		err = fmt.Errorf("the source yields no credential of scheme %s", p.Scheme)
	case fresh.Expired(p.credentials.clock.Now().Wall, 0):
		ago := p.credentials.clock.Now().Wall.Sub(time.Unix(fresh.Expire, 0)).Truncate(time.Second)
		err = fmt.Errorf("%w, by %s: compare the clocks of this machine and of the source", token.ErrExpired, ago)
	}
	return fresh, err
}

// askRecovered asks a source, and returns an error if it panics. The error does not show
// the panic's value, which may hold a secret.
func askRecovered(ask func(now time.Time) (source.Token, error), now time.Time) (_ source.Token, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("%w with a %T", errSourcePanicked, reason)
		}
	}()
	return ask(now)
}

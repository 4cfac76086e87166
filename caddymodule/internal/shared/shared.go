// SPDX-License-Identifier: Apache-2.0

// Package shared lets gateways that have a storage in common share tokens: one
// of them asks its source and stores what it gets, and the others read it. The
// storage is a help and no condition: whatever it does, a gateway can ask its
// source by itself.
package shared

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/resolver"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// Tokens are shared through a storage. Its fields are set before it is used.
type Tokens struct {
	Storage Storage
	// Clock and Threshold are those of the cache that asks.
	Clock     *token.Clock
	Threshold time.Duration
	// AccessTokens tells what the tokens are: access tokens or signatures.
	AccessTokens bool
	// Report is called when the storage fails that worked before, and with nil
	// when it works again.
	Report func(error)

	outage  outage
	sweeper sweeper
}

// Share returns a source that asks only for what no other gateway has stored
// under the key.
func (t *Tokens) Share(key func() string, ask token.Source) token.Source {
	return func(ctx context.Context, asking token.Asking) (token.Token, error) {
		if t.outage.avoid(t.Clock.Now().Elapsed) {
			return ask(ctx, asking)
		}
		r := renewal{Tokens: t, key: key(), asking: asking, source: ask}
		stored, err := t.load(ctx, r.key)
		if err == nil && r.isFresh(stored) {
			t.worked()
			return stored, nil
		}
		if err == nil {
			err = t.lock(ctx, r.key)
		}
		if err != nil {
			t.failed(err)
			return r.ask(ctx)
		}
		return r.askLocked(ctx)
	}
}

// failed takes note that the storage cannot be used.
func (t *Tokens) failed(err error) {
	if t.outage.begin(t.Clock.Now().Elapsed) {
		t.Report(err)
	}
}

// worked takes note that it can.
func (t *Tokens) worked() {
	if t.outage.end() {
		t.Report(nil)
	}
}

// renewal is one refresh of a cache.
type renewal struct {
	*Tokens
	key    string
	asking token.Asking
	source token.Source
}

// isValid reports whether the service should take a stored token.
func (r *renewal) isValid(stored token.Token) bool {
	rejected := r.asking.Rejected
	return (stored.AccessToken != "") == r.AccessTokens &&
		!stored.Expired(r.Clock.Now().Wall, 0) &&
		(stored.Signature != rejected.Signature || stored.AccessToken != rejected.AccessToken || stored.Expire != rejected.Expire)
}

// isFresh reports whether a stored token takes the place of a new one. It must
// not be due for renewal itself, or whoever reads it would be back at once.
func (r *renewal) isFresh(stored token.Token) bool {
	return r.isValid(stored) && r.Clock.Now().Wall.Unix() < stored.RenewFrom(r.Threshold)
}

// ask asks the source.
func (r *renewal) ask(ctx context.Context) (token.Token, error) {
	r.asking.Now = r.Clock.Now().Wall // a storage may have taken its time
	fresh, err := r.source(ctx, r.asking)
	if err != nil {
		return token.Token{}, err
	}
	// A token that comes late, or of which it is not known when it began, begins
	// now, for all who read it.
	if now := r.Clock.Now().Wall.Unix(); now >= fresh.RenewFrom(r.Threshold) {
		fresh.Issued = now
	}
	return fresh, nil
}

// askLocked asks the source while no other gateway does, unless one has just
// done so. Nobody waits for what becomes of the record and the lock.
func (r *renewal) askLocked(ctx context.Context) (token.Token, error) {
	change := func() error { return nil } // of the record
	defer func() { go r.finish(ctx, change) }()

	stored, loadErr := r.load(ctx, r.key)
	if loadErr != nil {
		change = func() error { return loadErr }
	} else if r.isFresh(stored) {
		return stored, nil
	}
	fresh, err := r.ask(ctx)
	switch now := r.Clock.Now().Wall; {
	case loadErr != nil:
	case err == nil:
		if resolver.Check(fresh) == nil && !fresh.Expired(now, 0) {
			change = func() error { return r.store(ctx, r.key, fresh) }
		}
	case errors.Is(err, token.ErrRefused):
		if stored != (token.Token{}) {
			change = func() error { return r.remove(ctx, r.key) }
		}
	case r.isValid(stored) && r.asking.Held.Expired(now, 0):
		// The source fails, and this gateway has nothing left, but another has.
		return stored, nil
	}
	return fresh, err
}

// finish changes the record and gives the lock back.
func (r *renewal) finish(ctx context.Context, change func() error) {
	err := change()
	if unlockErr := r.unlock(ctx, r.key); err == nil {
		err = unlockErr
	}
	if err != nil {
		r.failed(err)
		return
	}
	r.worked()
	r.sweep(ctx)
}

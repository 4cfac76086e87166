// SPDX-License-Identifier: Apache-2.0

// Package shared lets a fleet of gateways share tokens through a common storage: one
// gateway asks its source and stores the token, and the others read it.
//
// The storage is never a condition: if it fails, hangs or panics, a gateway asks its
// source by itself, after [Tokens.Report] has been called for the outage. All
// operations have deadlines. Errors of the storage never reach an upload.
package shared

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/resolver"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// Tokens shares tokens through a storage. Its fields must be set before it is used.
type Tokens struct {
	Storage Storage
	// Clock and Threshold are those of the cache that uses the source.
	Clock     *token.Clock
	Threshold time.Duration
	// AccessTokens says that the tokens are access tokens, and not signatures. A
	// record of the other kind is ignored: a project's scheme may have changed.
	AccessTokens bool
	// Report is called with an error when an outage of the storage begins and every ten
	// minutes while it lasts, with the number of failures, and with nil when it ends.
	Report func(err error, failures int)

	outage  outage
	sweeper sweeper
}

// Share returns a source that reads the record under key and, only if there is no
// fresh token in it, takes the record's lock, asks the given source and stores the
// result. key is called for each renewal, since what it depends on may change.
func (t *Tokens) Share(key func() string, ask token.Source) token.Source {
	return func(ctx context.Context, asking token.Asking) (token.Token, error) {
		if t.outage.avoid(t.Clock.Now().Elapsed) {
			return ask(ctx, asking)
		}
		r := renewal{Tokens: t, key: key(), asking: asking, source: ask}
		stored, err := t.load(ctx, r.key)
		if err == nil && r.isFresh(stored) {
			t.reportRecovery()
			return stored, nil
		}
		if err == nil {
			err = t.lock(ctx, r.key)
		}
		if err != nil {
			t.reportFailure(err)
			return r.ask(ctx)
		}
		return r.askLocked(ctx)
	}
}

// Fails reports whether the storage failed when it was used last. It does not use it.
func (t *Tokens) Fails() bool { return t.outage.isOut() }

// reportFailure records a failure of the storage, and reports the outage if it is time to.
func (t *Tokens) reportFailure(err error) {
	if failures, news := t.outage.fail(t.Clock.Now().Elapsed); news {
		t.Report(err, failures)
	}
}

// reportRecovery records that the storage works, and reports the end of an outage.
func (t *Tokens) reportRecovery() {
	if t.outage.end() {
		t.Report(nil, 0)
	}
}

// renewal is one renewal of a cached token.
type renewal struct {
	*Tokens
	key    string
	asking token.Asking
	source token.Source
}

// isValid reports whether the service should accept a stored token: it is of the right
// kind, has not expired, and is not the one that the service just rejected.
func (r *renewal) isValid(stored token.Token) bool {
	rejected := r.asking.Rejected
	return (stored.AccessToken != "") == r.AccessTokens &&
		!stored.Expired(r.Clock.Now().Wall, 0) &&
		(stored.Signature != rejected.Signature || stored.AccessToken != rejected.AccessToken || stored.Expire != rejected.Expire)
}

// isFresh reports whether a stored token can stand in for a new one. If it were due
// for renewal itself, the gateway that reads it would renew again at once.
func (r *renewal) isFresh(stored token.Token) bool {
	return r.isValid(stored) && r.Clock.Now().Wall.Unix() < stored.RenewFrom(r.Threshold)
}

// ask asks the source without the storage.
func (r *renewal) ask(ctx context.Context) (token.Token, error) {
	r.asking.Now = r.Clock.Now().Wall // waiting for the lock may have taken seconds
	fresh, err := r.source(ctx, r.asking)
	if err != nil {
		return token.Token{}, err
	}
	// A token that is due for renewal already, because it is short-lived or does not
	// say when it was issued, counts as issued now. Otherwise every gateway that
	// reads it would renew it at once, one after the other.
	if now := r.Clock.Now().Wall.Unix(); now >= fresh.RenewFrom(r.Threshold) {
		fresh.Issued = now
	}
	return fresh, nil
}

// askLocked asks the source while it holds the lock, unless another gateway has
// stored a token while this one waited for it. Storing and unlocking happen in the
// background: no upload waits for them.
func (r *renewal) askLocked(ctx context.Context) (token.Token, error) {
	change := func() error { return nil } // what to do with the record
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
		// The source fails and this gateway's token has expired, but the stored one
		// has not: it is too old to be fresh, and still good.
		return stored, nil
	}
	return fresh, err
}

// finish changes the record and releases the lock.
func (r *renewal) finish(ctx context.Context, change func() error) {
	err := change()
	if unlockErr := r.unlock(ctx, r.key); err == nil {
		err = unlockErr
	}
	if err != nil {
		r.reportFailure(err)
		return
	}
	r.reportRecovery()
	r.sweep(ctx)
}

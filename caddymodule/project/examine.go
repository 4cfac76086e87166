// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// Loaded returns the projects of all configs that are up. Equal projects are one in it: an
// examination would ask the same source once more for each.
func Loaded() []*Project { return loaded.distinct() }

// Traits are the properties of a project that an examination depends on.
type Traits struct {
	Source    string
	PerCaller bool // its credentials depend on the request
	Local     bool // its source needs no other server
	Shared    bool
	Checked   bool // the operator says that something before the handler decides who may upload
	Anyone    bool // or that anyone may
	Threshold time.Duration
}

// Traits returns the project's traits.
func (p *Project) Traits() Traits {
	_, local := p.source.(source.LocalSource)
	return Traits{
		Source: sourceName(p.source), PerCaller: p.perRequest != nil, Local: local, Shared: p.fleet != nil,
		Checked: p.Callers == CallersChecked, Anyone: p.Callers == CallersAnyone, Threshold: p.threshold,
	}
}

// Try asks the source for a credential, past the cache, and returns when it expires. It is
// for an examination before there are uploads: the source is asked each time.
func (p *Project) Try(ctx context.Context) (expires time.Time, err error) {
	now := p.credentials.clock.Now().Wall
	var got source.Token
	switch {
	// Without the project's metrics and log: an examination is no upload.
	case p.keyring != nil && p.accessTokens != nil:
		got, err = p.checkToken(askRecovered(func(now time.Time) (source.Token, error) { return p.accessTokens.AccessToken(now, nil) }, now))
	case p.keyring != nil:
		got, err = p.obtain(ctx, p.keyring, now)
	default:
		got, err = p.obtain(ctx, p.source, now)
	}
	return time.Unix(got.Expire, 0), err
}

// TryFallback returns when the fallback's credential expires. ok is false without one.
func (p *Project) TryFallback() (expires time.Time, ok bool) {
	held, ok := p.held(p.fallback)
	return time.Unix(held.Expire, 0), ok
}

// TryStorage writes, reads and deletes a value in the storage of a shared project. Only reading
// it back shows a storage that accepts values and loses them.
func (p *Project) TryStorage(ctx context.Context) error {
	// A key of its own, so that a gateway that runs finds no foreign token.
	key, value := "uploadcare_check/"+rand.Text(), rand.Text()
	storage := p.fleet.Storage
	if err := storage.Store(ctx, key, []byte(value)); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	got, err := storage.Load(ctx, key)
	switch {
	case err != nil:
		return fmt.Errorf("reading what was written: %w", err)
	case string(got) != value:
		return fmt.Errorf("what was read differs from what was written")
	}
	if err := storage.Delete(ctx, key); err != nil {
		return fmt.Errorf("deleting: %w", err)
	}
	return nil
}

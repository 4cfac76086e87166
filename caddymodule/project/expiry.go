// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// expiryInterval is how often it is looked whether a static credential expires,
// if not for the time at hand: clocks are set, and files change.
const expiryInterval = time.Minute

// expiryStage is what there is to say of a static credential.
type expiryStage int

const (
	expiresLater expiryStage = iota
	expiresSoon
	hasExpired
)

// expiryWarnings are those that were given. They are kept with the project's
// tokens, so that a reload does not repeat them.
type expiryWarnings struct {
	mu    sync.Mutex
	given map[source.Token]expiryStage
}

// isNew reports whether a warning was not given yet, and takes note of it.
func (w *expiryWarnings) isNew(pair source.Token, stage expiryStage) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.given[pair] >= stage {
		return false
	}
	if w.given == nil {
		w.given = make(map[source.Token]expiryStage)
	}
	w.given[pair] = stage
	return true
}

// watchExpiry warns when a static credential, as source or fallback, is about
// to expire and when it has, whether or not anybody uploads, until ctx ends.
func (p *Project) watchExpiry(ctx context.Context) {
	for i, src := range []source.Source{p.source, p.fallback} {
		fixed, ok := src.(source.FixedSource)
		if !ok {
			continue
		}
		isFallback := i > 0
		timer := time.NewTimer(p.warnOfExpiry(fixed, isFallback))
		go func() {
			defer timer.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-timer.C:
				}
				timer.Reset(p.warnOfExpiry(fixed, isFallback))
			}
		}()
	}
}

// warnOfExpiry warns if it is time to, and returns when to look again.
func (p *Project) warnOfExpiry(fixed source.FixedSource, isFallback bool) time.Duration {
	held, now := fixed.Held(), p.credentials.clock.Now().Wall
	expires := time.Unix(held.Expire, 0)
	stage, message, next := expiresLater, "", expires.Add(-p.threshold)
	switch {
	case held.Expired(now, 0):
		stage, message, next = hasExpired, "the static credential has expired: it needs another in its place", now.Add(expiryInterval)
	case held.Expired(now, p.threshold):
		stage, message, next = expiresSoon, "the static credential expires soon: it needs another in its place", expires
	}
	if p.credentials.warnings.isNew(held, stage) {
		p.logger.Warn(message, append(expiryFields(held), zap.Bool("fallback", isFallback))...)
	}
	// The threshold's fraction of a second does not count.
	return min(max(next.Sub(now), time.Second), expiryInterval)
}

// checkFixed checks that a static credential is one of the project's scheme.
func (p *Project) checkFixed() error {
	for _, src := range []source.Source{p.source, p.fallback} {
		if fixed, ok := src.(source.FixedSource); ok && p.Scheme == source.SchemeToken && fixed.Held().AccessToken == "" {
			return fmt.Errorf("%s: a signature is no credential of scheme %s", sourceName(src), p.Scheme)
		}
	}
	return nil
}

// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// expiryInterval is how often the expiry of a static credential is checked, at least: a
// timer for the expiry alone would miss that the clock is set or that a file changes.
const expiryInterval = time.Minute

// expiryStage is what a warning says about a static credential. A later stage is greater.
type expiryStage int

const (
	expiresLater expiryStage = iota
	expiresSoon
	hasExpired
)

// expiryWarnings are the warnings that were logged. They are pooled with the project's
// tokens, so that a reload does not repeat them.
type expiryWarnings struct {
	mu sync.Mutex
	// By the pair, so that the next one is warned of anew.
	given map[source.Token]expiryStage
}

// isNew reports whether a warning has not been logged yet, and records it.
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

// expiryWatch watches one static credential.
type expiryWatch struct {
	project    *Project
	fixed      source.FixedSource
	isFallback bool
	failed     bool // it panicked, and that was reported
}

// watchExpiry warns, until ctx ends, when a static credential, as source or fallback, is
// about to expire and when it has. It does so without uploads too: the operator must
// replace it before they fail.
func (p *Project) watchExpiry(ctx context.Context) {
	for i, src := range []source.Source{p.source, p.fallback} {
		fixed, ok := src.(source.FixedSource)
		if !ok {
			continue
		}
		// The first warning comes while the config loads, where its author sees it.
		watch := &expiryWatch{project: p, fixed: fixed, isFallback: i > 0}
		timer := time.NewTimer(watch.warn())
		watchedPairs.Store(watch, nil)
		go func() {
			defer timer.Stop()
			defer watchedPairs.Delete(watch)
			for {
				select {
				case <-ctx.Done():
					return
				case <-timer.C:
				}
				timer.Reset(watch.warn())
			}
		}()
	}
}

// warn logs a warning if one is due, and returns the time until the next check.
func (w *expiryWatch) warn() time.Duration {
	p := w.project
	held, err := heldBy(w.fixed)
	if err != nil {
		if !w.failed {
			p.logger.Error("the static credential cannot be looked at, so nothing warns of its expiry",
				zap.String("source", sourceName(w.fixed)), zap.Bool("fallback", w.isFallback), zap.Error(err))
		}
		// Once: the check comes back each minute.
		w.failed = true
		return expiryInterval
	}
	now, expires := p.credentials.clock.Now().Wall, time.Unix(held.Expire, 0)
	stage, message, next := expiresLater, "", expires.Add(-p.threshold)
	switch {
	case held.Expired(now, 0):
		stage, message, next = hasExpired, "the static credential has expired: it needs another in its place", now.Add(expiryInterval)
	case held.Expired(now, p.threshold):
		stage, message, next = expiresSoon, "the static credential expires soon: it needs another in its place", expires
	}
	if p.credentials.warnings.isNew(held, stage) {
		level := zapcore.WarnLevel
		if stage == hasExpired && !w.isFallback { // each upload fails
			level = zapcore.ErrorLevel
		}
		p.logger.Log(level, message, append(expiryFields(held), zap.Bool("fallback", w.isFallback))...)
	}
	// The threshold's fraction of a second does not count.
	return min(max(next.Sub(now), time.Second), expiryInterval)
}

// heldBy returns the credential that a source holds, and recovers a panic: in this
// goroutine, which no server recovers, it would end the process.
func heldBy(fixed source.FixedSource) (source.Token, error) {
	return askRecovered(func(time.Time) (source.Token, error) { return fixed.Held(), nil }, time.Time{})
}

// checkFixed checks that a static credential is one of the project's scheme: otherwise each
// upload would fail, and only then.
func (p *Project) checkFixed() error {
	for _, src := range []source.Source{p.source, p.fallback} {
		fixed, ok := src.(source.FixedSource)
		if !ok {
			continue
		}
		held, err := heldBy(fixed)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", sourceName(src), err)
		case p.Scheme == source.SchemeToken && held.AccessToken == "":
			return fmt.Errorf("%s: a signature is no credential of scheme %s", sourceName(src), p.Scheme)
		}
	}
	return nil
}

// SPDX-License-Identifier: Apache-2.0

package project

import (
	"errors"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// logAsking logs that the source is about to be asked, and why.
func (p *Project) logAsking(asking token.Asking) {
	check := p.logger.Check(zapcore.DebugLevel, "asking the source for a credential")
	if check == nil {
		return
	}
	fields := []zap.Field{zap.String("source", sourceName(p.source))}
	switch held := asking.Held; {
	case asking.Rejected != source.Token{}:
		fields = append(fields, zap.String("reason", "the service does not take the last one"))
	case held == source.Token{}:
		fields = append(fields, zap.String("reason", "there is none"))
	case held.Expired(asking.Now, 0):
		fields = append(append(fields, zap.String("reason", "the cached one has expired")), expiryFields(held)...)
	default:
		fields = append(append(fields, zap.String("reason", "the cached one expires soon")), expiryFields(held)...)
	}
	check.Write(fields...)
}

// failurePause is the time between lines that say that a source still fails. While no
// token is left the source is asked every few seconds, and each failure would be a line.
const failurePause = 10 * time.Minute

// logAnswer logs the result of asking.
func (p *Project) logAnswer(asking token.Asking, fresh source.Token, err error, took time.Duration) {
	if err == nil || errors.Is(err, source.ErrRefused) {
		if asking.Failed {
			p.logRecovery()
		} else {
			p.credentials.failures.Store(0)
		}
	}
	if err != nil {
		// asking knows about one caller, and there may be any number of them: that this
		// one has not failed before says nothing about the others.
		p.logFailure(err, took, !asking.Failed && p.perRequest == nil)
		return
	}
	if check := p.logger.Check(zapcore.DebugLevel, "credential obtained"); check != nil {
		check.Write(append([]zap.Field{zap.String("source", sourceName(p.source)), zap.Duration("duration", took)}, expiryFields(fresh)...)...)
	}
}

// logRecovery logs that the source does not fail any more.
func (p *Project) logRecovery() {
	failures := p.credentials.failures.Swap(0)
	p.logger.Info("the source responds again", zap.String("source", sourceName(p.source)), zap.Int64("failures", failures))
}

// logFailure logs that there is no credential: as an error if the source did not fail
// before, and then each ten minutes, with the number of failures since it last responded.
func (p *Project) logFailure(err error, took time.Duration, isFirst bool) {
	// A refusal is the source's decision and no failure, and any caller can cause one: so
	// it is a warning, and never an error.
	level, message := zapcore.DebugLevel, "no credential from the source"
	fields := []zap.Field{zap.String("source", sourceName(p.source)), zap.Duration("duration", took), zap.Error(err)}
	if errors.Is(err, source.ErrRefused) {
		level, message = zapcore.WarnLevel, "credential refused by the source"
	} else {
		fields = append(fields, zap.Int64("failures", p.credentials.failures.Add(1)))
		if news := p.credentials.isFailureNews(); news || isFirst {
			level = zapcore.ErrorLevel
		}
	}
	if check := p.logger.Check(level, message); check != nil {
		check.Write(fields...)
	}
}

// logFallback logs that the fallback is used: at debug level, since that happens for each
// upload. The cause is logged when the source is asked.
func (p *Project) logFallback(fallback source.Token, unavailable *token.UnavailableError) {
	if check := p.logger.Check(zapcore.DebugLevel, "the source fails; using the fallback"); check != nil {
		check.Write(append(expiryFields(fallback), zap.String("fallback", sourceName(p.fallback)), zap.Duration("retry_after", unavailable.RetryAfter))...)
	}
}

// expiryFields are all that a log may show of a credential: its expiry, in Unix seconds as
// clients send it, and as a date.
func expiryFields(t source.Token) []zap.Field {
	return []zap.Field{
		zap.Int64("expire", t.Expire),
		zap.String("expires", time.Unix(t.Expire, 0).UTC().Format(time.RFC3339)),
	}
}

// isFailureNews reports whether it is time to log again that the source fails.
func (c *credentials) isFailureNews() bool {
	now, last := int64(c.clock.Now().Elapsed), c.failed.Load()
	return now-last >= int64(failurePause) && c.failed.CompareAndSwap(last, now)
}

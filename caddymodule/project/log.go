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

// logObtained logs that the source has yielded a credential.
func (p *Project) logObtained(fresh source.Token, took time.Duration) {
	if check := p.logger.Check(zapcore.DebugLevel, "credential obtained"); check != nil {
		check.Write(append([]zap.Field{zap.String("source", sourceName(p.source)), zap.Duration("duration", took)}, expiryFields(fresh)...)...)
	}
}

// note records the result of asking the source, and logs that it fails, refuses or responds
// again. often says that it may fail and respond by turns, many times a second.
func (p *Project) note(err error, took time.Duration, often bool) {
	asked := &p.credentials.asked
	if ended := asked.note(err); ended > 0 && asked.logged.Swap(false) {
		p.logger.Info("the source responds again", zap.String("source", sourceName(p.source)), zap.Int64("failures", ended))
	}
	if err != nil {
		p.logFailure(err, took, often)
	}
}

// logFailure logs that there is no credential: as an error if the source did not fail
// before, unless that may be often, and then each ten minutes, with the number of failures
// since it last responded.
func (p *Project) logFailure(err error, took time.Duration, often bool) {
	// A refusal is the source's decision and no failure, and any caller can cause one: so
	// it is a warning, and never an error.
	level, message := zapcore.DebugLevel, "no credential from the source"
	fields := []zap.Field{zap.String("source", sourceName(p.source)), zap.Duration("duration", took), zap.Error(err)}
	if errors.Is(err, source.ErrRefused) {
		level, message = zapcore.WarnLevel, "credential refused by the source"
	} else {
		asked := &p.credentials.asked
		failures := asked.failures.Load()
		fields = append(fields, zap.Int64("failures", failures))
		if asked.reminder.Due(p.credentials.clock.Now().Elapsed) || failures == 1 && !often {
			level = zapcore.ErrorLevel
			asked.logged.Store(true)
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

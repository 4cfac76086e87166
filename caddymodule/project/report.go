// SPDX-License-Identifier: Apache-2.0

package project

import (
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/reminder"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// reported is what has been logged of the Upload API's verdicts on a project's credentials.
// Each finding is logged when it is new, and then every ten minutes with the number of
// rejections, until a credential is accepted again.
type reported struct {
	// Every upload that is accepted reads it, without the lock.
	open atomic.Bool // something has been logged since the last acceptance

	mu       sync.Mutex
	findings map[finding]*repeated
	// Whatever is accepted meanwhile, these have their pauses: a client can cause them at will,
	// or they come with every few uploads, and would fill the log.
	reminders map[rejections]*reminder.Reminder
}

// finding is a fact that is logged when it is new, and again while it lasts.
type finding struct {
	rejection uploadapi.Rejection
	all       bool // it is about all of the project's secret keys
}

// repeated is how often a finding was made since a credential was accepted.
type repeated struct {
	count    int64
	reminder reminder.Reminder
}

// rejections are of a kind that is logged from time to time.
type rejections struct {
	rejection uploadapi.Rejection
	proven    bool // the same upload was accepted with another credential
}

// isNews records a finding. It reports whether it is to be logged now, and how often it was
// made since a credential was accepted.
func (r *reported) isNews(what finding, now time.Duration) (count int64, news bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.findings == nil {
		r.findings = make(map[finding]*repeated)
	}
	made := r.findings[what]
	if made == nil {
		made = new(repeated)
		r.findings[what] = made
	}
	made.count++
	r.open.Store(true)
	return made.count, made.reminder.Due(now)
}

// isDue reports whether a kind of rejections is to be logged now, and records that.
func (r *reported) isDue(kind rejections, now time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reminders == nil {
		r.reminders = make(map[rejections]*reminder.Reminder)
	}
	if r.reminders[kind] == nil {
		r.reminders[kind] = new(reminder.Reminder)
	}
	return r.reminders[kind].Due(now)
}

// end forgets what has been logged. It returns whether anything had been.
func (r *reported) end() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	// Not the reminders, whose pause must outlast acceptances.
	clear(r.findings)
	return r.open.Swap(false)
}

// report logs a rejection with its likely cause.
func (g *grant) report(rejection uploadapi.Rejection) {
	p, c := g.grantor.project, g.grantor.project.credentials
	now := c.clock.Now().Elapsed
	var count int64
	var news bool
	if rejection == uploadapi.Exhausted || rejection == uploadapi.Invalid && p.publicKey == Any {
		news = c.reported.isDue(rejections{rejection: rejection}, now)
	} else {
		count, news = c.reported.isNews(finding{rejection: rejection}, now)
	}
	if !news {
		return
	}
	fields := []zap.Field{
		zap.Stringer("rejection", rejection),
		zap.String("source", g.sourceName()),
		zap.String("likely_cause", g.likelyCause(rejection)),
	}
	if count > 1 {
		fields = append(fields, zap.Int64("rejections", count))
	}
	// The operator sees whose uploads fail: the configured key is `*`.
	if p.publicKey == Any && g.publicKey != "" {
		fields = append(fields, zap.String("client_public_key", g.publicKey))
	}
	p.logger.Error("the Upload API does not take the project's credential", fields...)
}

// reportProven logs a rejection that the credential and not the client has caused: the same
// upload was accepted with another credential.
func (g *grant) reportProven(rejection uploadapi.Rejection) {
	c := g.grantor.project.credentials
	if c.reported.isDue(rejections{rejection, true}, c.clock.Now().Elapsed) {
		g.report(rejection)
	}
}

// warn logs a rejection that the client may have caused.
func (g *grant) warn(rejection uploadapi.Rejection) {
	p, c := g.grantor.project, g.grantor.project.credentials
	if c.reported.isDue(rejections{rejection: rejection}, c.clock.Now().Elapsed) {
		p.logger.Warn("the Upload API does not take an upload's credential; that may be its client's doing, unless nothing is accepted for long",
			zap.Stringer("rejection", rejection), zap.String("source", g.sourceName()))
	}
}

// reportAllKeys logs that all secret keys have been rejected for long.
func (p *Project) reportAllKeys() {
	count, news := p.credentials.reported.isNews(finding{uploadapi.Invalid, true}, p.credentials.clock.Now().Elapsed)
	if !news {
		return
	}
	fields := []zap.Field{zap.Int("secret_keys", len(p.keyring.keys))}
	if count > 1 {
		fields = append(fields, zap.Int64("rejections", count))
	}
	p.logger.Error("the Upload API accepts no credential made with any of the secret keys; none of them belongs to the project", fields...)
}

// reportTurn logs that another secret key signs from now on.
func (p *Project) reportTurn(key int) {
	p.logger.Info("the Upload API takes what another secret key signs; that key signs from now on", zap.String("secret_key", p.keyring.position(key)))
}

// reportEnd logs that credentials are accepted again, if anything was wrong.
func (p *Project) reportEnd() {
	if p.credentials.reported.end() {
		p.logger.Info("the Upload API takes the project's credentials again")
	}
}

// sourceName returns the name, in the Caddyfile, of the credential's source.
func (g *grant) sourceName() string {
	if g.byFallback {
		return sourceName(g.grantor.project.fallback)
	}
	return sourceName(g.grantor.project.source)
}

// likelyCause returns what the operator should look at first. The service does not say
// why it rejects a credential.
func (g *grant) likelyCause(rejection uploadapi.Rejection) string {
	p := g.grantor.project
	switch own := g.keyring() != nil; {
	case rejection == uploadapi.Exhausted && p.accessTokens != nil:
		return "a form held more files than the operations of an access token"
	case rejection == uploadapi.Exhausted:
		return "more was uploaded than the access token allows"
	case rejection == uploadapi.Expired && own:
		return "this machine's clock is behind, or requests are held on their way for longer than a credential lives"
	case rejection == uploadapi.Expired:
		return "the source hands out credentials that are too old, this machine's clock is behind, or requests are held on their way for too long"
	case p.publicKey == Any:
		return "the public key that the client sent belongs to another project"
	case own:
		return "the secret key does not belong to the project's public key"
	default:
		return "the source signs with the secret key of another project"
	}
}

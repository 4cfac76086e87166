// SPDX-License-Identifier: Apache-2.0

package project

import (
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// reported is what the Upload API has said of a project's credentials, as far
// as it has been reported: each once, until one is accepted again.
type reported struct {
	open atomic.Bool // something has been reported

	mu       sync.Mutex
	findings map[finding]bool
	reminded map[reminder]time.Duration // when, on the clock's Elapsed
}

// reminderPause is how long nothing more is reported of rejections that are no news
// for long, whatever is accepted meanwhile: a client can cause them at will, or
// they come with every few uploads.
const reminderPause = 10 * time.Minute

// finding is one thing to be reported.
type finding struct {
	rejection uploadapi.Rejection
	all       bool // of the project's secret keys
}

// reminder is a kind of rejections.
type reminder struct {
	rejection uploadapi.Rejection
	proven    bool // the same upload was accepted with another credential
}

// isNews reports whether a finding is to be reported.
func (r *reported) isNews(what finding) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.findings[what] {
		return false
	}
	if r.findings == nil {
		r.findings = make(map[finding]bool)
	}
	r.findings[what] = true
	r.open.Store(true)
	return true
}

// isDue reports whether that kind of rejection is to be reported now.
func (r *reported) isDue(kind reminder, now time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, before := r.reminded[kind]; before && now-at < reminderPause {
		return false
	}
	if r.reminded == nil {
		r.reminded = make(map[reminder]time.Duration)
	}
	r.reminded[kind] = now
	return true
}

// end forgets what has been reported. It reports whether there was anything.
func (r *reported) end() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.findings)
	return r.open.Swap(false)
}

// report logs what is wrong, and where to look first.
func (g *grant) report(rejection uploadapi.Rejection) {
	p, c := g.grantor.project, g.grantor.project.credentials
	var news bool
	if rejection == uploadapi.Exhausted || rejection == uploadapi.Invalid && p.publicKey == Any {
		news = c.reported.isDue(reminder{rejection: rejection}, c.clock.Now().Elapsed)
	} else {
		news = c.reported.isNews(finding{rejection: rejection})
	}
	if !news {
		return
	}
	fields := []zap.Field{
		zap.Stringer("rejection", rejection),
		zap.String("source", g.sourceName()),
		zap.String("likely_cause", g.likelyCause(rejection)),
	}
	if p.publicKey == Any && g.publicKey != "" {
		fields = append(fields, zap.String("client_public_key", g.publicKey))
	}
	p.logger.Error("the Upload API does not take the project's credential", fields...)
}

// reportProven reports a rejection of what was right to be rejected: the same upload
// was accepted with another credential.
func (g *grant) reportProven(rejection uploadapi.Rejection) {
	c := g.grantor.project.credentials
	if c.reported.isDue(reminder{rejection, true}, c.clock.Now().Elapsed) {
		g.report(rejection)
	}
}

// warn reports a rejection that may be the client's doing.
func (g *grant) warn(rejection uploadapi.Rejection) {
	p, c := g.grantor.project, g.grantor.project.credentials
	if c.reported.isDue(reminder{rejection: rejection}, c.clock.Now().Elapsed) {
		p.logger.Warn("the Upload API does not take an upload's credential; that may be its client's doing, unless nothing is accepted for long",
			zap.Stringer("rejection", rejection), zap.String("source", g.sourceName()))
	}
}

// reportAllKeys reports that each of the secret keys has been rejected for long.
func (p *Project) reportAllKeys() {
	if p.credentials.reported.isNews(finding{uploadapi.Invalid, true}) {
		p.logger.Error("the Upload API takes what none of the secret keys signs; none of them belongs to the project", zap.Int("secret_keys", len(p.keyring.keys)))
	}
}

// reportTurn reports that another secret key signs from now on.
func (p *Project) reportTurn(key int) {
	p.logger.Info("the Upload API takes what another secret key signs; that key signs from now on", zap.String("secret_key", p.keyring.position(key)))
}

// reportEnd reports that it is over, if anything was wrong.
func (p *Project) reportEnd() {
	if p.credentials.reported.end() {
		p.logger.Info("the Upload API takes the project's credentials again")
	}
}

// sourceName returns what the Caddyfile calls the source of the credential.
func (g *grant) sourceName() string {
	if g.byFallback {
		return sourceName(g.grantor.project.fallback)
	}
	return sourceName(g.grantor.project.source)
}

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

// SPDX-License-Identifier: Apache-2.0

package project

import (
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// verdicts are what the Upload API has said of a project's credentials, as far
// as it has been reported: each once, until one is accepted again.
type verdicts struct {
	open atomic.Bool // something has been reported

	mu       sync.Mutex
	reported map[verdict]bool
	reminded map[reminder]time.Duration // when, on the clock's Elapsed
}

// reminderPause is how long nothing more is reported of rejections that are no news
// for long, whatever is accepted meanwhile: a client can cause them at will, or
// they come with every few uploads.
const reminderPause = 10 * time.Minute

// verdict is one thing to be reported.
type verdict struct {
	rejection uploadapi.Rejection
	all       bool // of the project's secret keys
}

// reminder is a kind of rejections.
type reminder struct {
	rejection uploadapi.Rejection
	proven    bool // the same upload was accepted with another credential
}

// isNews reports whether a verdict is to be reported.
func (v *verdicts) isNews(what verdict) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.reported[what] {
		return false
	}
	if v.reported == nil {
		v.reported = make(map[verdict]bool)
	}
	v.reported[what] = true
	v.open.Store(true)
	return true
}

// isDue reports whether that kind of rejection is to be reported now.
func (v *verdicts) isDue(kind reminder, now time.Duration) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if at, before := v.reminded[kind]; before && now-at < reminderPause {
		return false
	}
	if v.reminded == nil {
		v.reminded = make(map[reminder]time.Duration)
	}
	v.reminded[kind] = now
	return true
}

// end forgets what has been reported. It reports whether there was anything.
func (v *verdicts) end() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.reported)
	return v.open.Swap(false)
}

// report logs what is wrong, and where to look first.
func (g *grant) report(rejection uploadapi.Rejection) {
	p, c := g.grantor.project, g.grantor.project.credentials
	var news bool
	if rejection == uploadapi.Exhausted || rejection == uploadapi.Invalid && p.publicKey == Any {
		news = c.verdicts.isDue(reminder{rejection: rejection}, c.clock.Now().Elapsed)
	} else {
		news = c.verdicts.isNews(verdict{rejection: rejection})
	}
	if !news {
		return
	}
	fields := []zap.Field{
		zap.Stringer("rejection", rejection),
		zap.String("source", sourceName(p.source)),
		zap.String("likely_cause", likelyCause(p, rejection)),
	}
	if p.publicKey == Any && g.publicKey != "" {
		fields = append(fields, zap.String("client_public_key", g.publicKey))
	}
	p.logger.Error("the Upload API does not take the project's credential", fields...)
}

func likelyCause(p *Project, rejection uploadapi.Rejection) string {
	switch own := p.keyring != nil; {
	case rejection == uploadapi.Exhausted && own:
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

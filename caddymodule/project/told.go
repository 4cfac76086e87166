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
// as the operator has been told: each once, until one is accepted again.
type verdicts struct {
	open atomic.Bool // something has been told

	mu       sync.Mutex
	told     map[verdict]bool
	reminded map[reminder]time.Duration // when, on the clock's Elapsed
}

// reminderPause is how long nothing more is told of rejections that are no news
// for long, whatever is accepted meanwhile: a client can cause them at will, or
// they come with every few uploads.
const reminderPause = 10 * time.Minute

// verdict is one thing to be told.
type verdict struct {
	rejection uploadapi.Rejection
	all       bool // of the project's secret keys
}

// reminder is a kind of rejections.
type reminder struct {
	rejection uploadapi.Rejection
	proven    bool // the same upload was accepted with another credential
}

// tell reports whether a verdict is to be told.
func (v *verdicts) tell(what verdict) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.told[what] {
		return false
	}
	if v.told == nil {
		v.told = make(map[verdict]bool)
	}
	v.told[what] = true
	v.open.Store(true)
	return true
}

// remind reports whether that kind of rejection is to be told now.
func (v *verdicts) remind(kind reminder, now time.Duration) bool {
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

// end forgets what has been told. It reports whether there was anything.
func (v *verdicts) end() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.told)
	return v.open.Swap(false)
}

// tell tells the operator what is wrong, and where to look first.
func (g *grant) tell(rejection uploadapi.Rejection) {
	p, c := g.grantor.project, g.grantor.project.credentials
	var news bool
	if rejection == uploadapi.Exhausted || rejection == uploadapi.Invalid && p.publicKey == Any {
		news = c.verdicts.remind(reminder{rejection: rejection}, c.clock.Now().Elapsed)
	} else {
		news = c.verdicts.tell(verdict{rejection: rejection})
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

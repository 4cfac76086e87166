// SPDX-License-Identifier: Apache-2.0

package caddymodule

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
	reminded map[uploadapi.Rejection]time.Duration // when, on the clock's Elapsed
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

// remind reports whether a rejection of that kind is to be told now.
func (v *verdicts) remind(rejection uploadapi.Rejection, now time.Duration) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if at, before := v.reminded[rejection]; before && now-at < reminderPause {
		return false
	}
	if v.reminded == nil {
		v.reminded = make(map[uploadapi.Rejection]time.Duration)
	}
	v.reminded[rejection] = now
	return true
}

// end forgets what has been told. It reports whether there was anything.
func (v *verdicts) end() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.told)
	return v.open.Swap(false)
}

// accepted takes note that the service took the credential.
func (g *grant) accepted() {
	p := g.grantor.project
	if g.token.AccessToken != "" && p.accessTokens == nil { // one that can be used up
		g.grantor.accept(g.token)
	}
	if !p.credentials.verdicts.open.Load() {
		return
	}
	keys, ok := p.source.(*SecretKey)
	several := ok && len(keys.secrets) > 1
	if several && keys.signer(g.token) != p.credentials.rotation.current(len(keys.secrets)) {
		return // it left before another key's turn came, and says nothing of that one
	}
	if !p.credentials.verdicts.end() {
		return
	}
	if several {
		if another, position := p.credentials.rotation.accept(len(keys.secrets)); another {
			p.logger.Info("the Upload API takes what another secret key signs; that key signs from now on", zap.String("secret_key", position))
		}
	}
	p.logger.Info("the Upload API takes the project's credentials again")
}

// rejected takes note that the service did not take the credential, and tells
// the operator. It reports whether it may take another.
func (g *grant) rejected(rejection uploadapi.Rejection) bool {
	p := g.grantor.project
	p.metrics.rejected(rejection.String())
	if _, minted := p.source.(FixedLifetime); minted && p.credentials.clock.Offset() != g.offset {
		return true // the clock it was made by was wrong, and has been told of
	}
	if keys, ok := p.source.(*SecretKey); ok && rejection == uploadapi.Invalid {
		switch signer := keys.signer(g.token); {
		case signer < 0:
			return true // the key that it was made with is not in use any more
		case len(keys.secrets) > 1 && p.publicKey != anyProject:
			return g.tryNextKey(keys, signer)
		}
	}
	switch {
	case rejection == uploadapi.Invalid && (p.publicKey == anyProject || isSecretKey(p.source)):
		// For any project, it says more about the client's public key than about
		// the credential, which is everybody's. And the next credential would be
		// made with the same key.
		g.tell(rejection)
		return false
	case rejection == uploadapi.Exhausted && p.accessTokens != nil:
		// It was the upload's own. The next would allow no more, and part of the
		// upload may have been accepted.
		g.tell(rejection)
		return false
	case p.accessTokens != nil, g.grantor.drop(g.token), p.fallback != nil:
		g.tell(rejection)
	}
	return true // if there is another by now
}

func isSecretKey(source Source) bool {
	_, ok := source.(*SecretKey)
	return ok
}

// tryNextKey makes another secret key sign, unless all have been tried.
func (g *grant) tryNextKey(keys *SecretKey, signer int) bool {
	p, c := g.grantor.project, g.grantor.project.credentials
	step := c.rotation.advance(signer, len(keys.secrets), c.clock.Now().Elapsed, c.cache.Clear)
	switch {
	case step == keyNext && c.verdicts.tell(verdict{rejection: uploadapi.Invalid}):
		p.logger.Warn("the Upload API does not take what a secret key signs; the next is tried", zap.String("secret_key", position(signer, len(keys.secrets))))
	case step == keysAtEnd && c.verdicts.tell(verdict{uploadapi.Invalid, true}):
		p.logger.Error("the Upload API takes what none of the secret keys signs; none of them belongs to the project", zap.Int("secret_keys", len(keys.secrets)))
	}
	return step == keyPassed || step == keyNext
}

// tell tells the operator what is wrong, and where to look first.
func (g *grant) tell(rejection uploadapi.Rejection) {
	p, c := g.grantor.project, g.grantor.project.credentials
	var news bool
	if rejection == uploadapi.Exhausted || rejection == uploadapi.Invalid && p.publicKey == anyProject {
		news = c.verdicts.remind(rejection, c.clock.Now().Elapsed)
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
	if p.publicKey == anyProject && g.publicKey != "" {
		fields = append(fields, zap.String("client_public_key", g.publicKey))
	}
	p.logger.Error("the Upload API does not take the project's credential", fields...)
}

func likelyCause(p *Project, rejection uploadapi.Rejection) string {
	switch own := isSecretKey(p.source); {
	case rejection == uploadapi.Exhausted && own:
		return "a form held more files than the operations of an access token"
	case rejection == uploadapi.Exhausted:
		return "more was uploaded than the access token allows"
	case rejection == uploadapi.Expired && own:
		return "this machine's clock is behind, or requests are held on their way for longer than a credential lives"
	case rejection == uploadapi.Expired:
		return "the source hands out credentials that are too old, this machine's clock is behind, or requests are held on their way for too long"
	case p.publicKey == anyProject:
		return "the public key that the client sent belongs to another project"
	case own:
		return "the secret key does not belong to the project's public key"
	default:
		return "the source signs with the secret key of another project"
	}
}

// accept tells the cache that the service took a credential.
func (g grantor) accept(accepted Token) {
	if g.caller != nil {
		g.project.credentials.callers.Accept(*g.caller, accepted)
	} else {
		g.project.credentials.cache.Accept(accepted)
	}
}

// drop makes the cache forget a credential that the service does not take. It
// reports whether the credential was still in use: whoever comes late finds that
// it was not, and has nothing to tell.
func (g grantor) drop(rejected Token) bool {
	if g.caller != nil {
		return g.project.credentials.callers.Drop(*g.caller, rejected)
	}
	cache := g.project.credentials.cache
	if cache.Drop(rejected) {
		return true
	}
	held, ok := cache.Current()
	return ok && held == rejected
}

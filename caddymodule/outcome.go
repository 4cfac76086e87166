// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"go.uber.org/zap"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// accepted takes note that the service took the credential.
func (g *grant) accepted() {
	p, c := g.grantor.project, g.grantor.project.credentials
	if !isSecretKey(p.source) {
		g.grantor.accept(g.token)
	}
	if !c.verdicts.open.Load() && !c.rotation.suspect.Load() && !g.signing.own && g.proves == 0 {
		return
	}
	if p.keys == nil {
		c.rotation.accept(c.clock.Now().Elapsed)
	} else if !g.acceptedKey(p.keys) {
		return
	}
	if g.proves != 0 && c.verdicts.remind(reminder{g.proves, true}, c.clock.Now().Elapsed) {
		g.tell(g.proves)
	}
	if c.verdicts.end() {
		p.logger.Info("the Upload API takes the project's credentials again")
	}
}

// acceptedKey takes note that the service took what one of several secret keys
// has signed. If it did not take the same upload with the key that signs for
// all, or nothing for long, that one makes way. It reports whether the key signs
// from now on.
func (g *grant) acceptedKey(keys *SecretKey) bool {
	p, c := g.grantor.project, g.grantor.project.credentials
	switch signer := keys.signer(g.token); {
	case signer == keys.active():
		c.rotation.accept(c.clock.Now().Elapsed)
		return true
	case signer >= 0 && g.signing.own && c.rotation.advance(g.signing.inPlaceOf, signer, len(keys.secrets), c.cache.Clear):
		p.logger.Info("the Upload API takes what another secret key signs; that key signs from now on", zap.String("secret_key", position(signer, len(keys.secrets))))
		return true
	default: // it left before another key's turn came, and says nothing of that one
		g.undecided()
		return false
	}
}

// undecided takes note that the service has said nothing of the credential.
func (g *grant) undecided() {
	if g.signing.onTrial {
		g.grantor.project.credentials.rotation.end()
	}
}

// rejected takes note that the service did not take the upload's credential. It
// reports whether it may take another.
func (u *upload) rejected(rejection uploadapi.Rejection) bool {
	g, p := &u.grant, u.grant.grantor.project
	p.metrics.rejected(rejection.String())
	g.undecided()
	if _, minted := p.source.(FixedLifetime); minted && p.credentials.clock.Offset() != g.offset {
		return true // the clock it was made by was wrong, and has been told of
	}
	if keys, ok := p.source.(*SecretKey); ok && rejection == uploadapi.Invalid {
		switch signer := keys.signer(g.token); {
		case signer < 0:
			return true // the key that it was made with is not in use any more
		case p.keys != nil:
			return u.rejectedKey(signer)
		}
	}
	return g.rejected(rejection)
}

// rejectedKey takes note that the service did not take what one of several
// secret keys has signed. It reports whether there is one that the upload has
// not been rejected with. Which signs for others does not change by that.
func (u *upload) rejectedKey(signer int) bool {
	p, c := u.grant.grantor.project, u.grant.grantor.project.credentials
	keys := p.keys
	alike := keys.alike(signer)
	u.refused = append(u.refused, alike...)
	evidence := c.rotation.reject(alike, len(keys.secrets), c.clock.Now().Elapsed)
	switch {
	case !evidence.lasting || !evidence.all:
		u.grant.warn(uploadapi.Invalid)
	case c.verdicts.tell(verdict{uploadapi.Invalid, true}):
		p.logger.Error("the Upload API takes what none of the secret keys signs; none of them belongs to the project", zap.Int("secret_keys", len(keys.secrets)))
	}
	_, ok := keys.untried(u.refused)
	return ok
}

// rejected takes note that the service did not take the credential, and tells
// the operator. It reports whether it may take another.
func (g *grant) rejected(rejection uploadapi.Rejection) bool {
	p := g.grantor.project
	switch {
	case rejection == uploadapi.Invalid && p.publicKey == anyProject:
		// It says more about the client's public key than about the credential,
		// which is everybody's.
		g.tell(rejection)
		return false
	case rejection == uploadapi.Invalid && isSecretKey(p.source):
		g.suspect() // and the next credential would be made with the same key
		return false
	case rejection == uploadapi.Exhausted && p.accessTokens != nil:
		// It was the upload's own. The next would allow no more, and part of the
		// upload may have been accepted.
		g.tell(rejection)
		return false
	case rejection == uploadapi.Invalid:
		g.grantor.drop(g.token, rejection)
		g.suspect()
	case p.accessTokens != nil, g.grantor.drop(g.token, rejection), p.fallback != nil:
		g.tell(rejection)
	}
	return true // if there is another by now
}

// suspect takes note of a rejection that the client may have caused. The
// operator is told of an error when nothing has been accepted for long.
func (g *grant) suspect() {
	c := g.grantor.project.credentials
	if c.rotation.reject([]int{0}, 1, c.clock.Now().Elapsed).lasting {
		g.tell(uploadapi.Invalid)
	} else {
		g.warn(uploadapi.Invalid)
	}
}

// warn tells the operator of a rejection that may be the client's doing.
func (g *grant) warn(rejection uploadapi.Rejection) {
	p, c := g.grantor.project, g.grantor.project.credentials
	if c.verdicts.remind(reminder{rejection: rejection}, c.clock.Now().Elapsed) {
		p.logger.Warn("the Upload API does not take an upload's credential; that may be its client's doing, unless nothing is accepted for long",
			zap.Stringer("rejection", rejection), zap.String("source", sourceName(p.source)))
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

// drop makes the cache get another credential for one that the service does not
// take. It reports whether the credential was still in use: whoever comes late
// finds that it was not, and has nothing to report.
func (g grantor) drop(rejected Token, rejection uploadapi.Rejection) bool {
	why := token.Rejection{Sure: rejection != uploadapi.Invalid, Alone: g.project.fallback == nil}
	if g.caller != nil {
		return g.project.credentials.callers.Drop(*g.caller, rejected, why)
	}
	cache := g.project.credentials.cache
	if cache.Drop(rejected, why) {
		return true
	}
	held, ok := cache.Current()
	return ok && held == rejected
}

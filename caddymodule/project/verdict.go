// SPDX-License-Identifier: Apache-2.0

package project

import (
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// The methods below are the table of docs/architecture.md, "What becomes of a credential
// that the service rejects": its kind, the rejection and the project's keys decide whether
// it is discarded, whether the upload is retried, and what is logged.
// TestWhatBecomesOfARejectedCredential goes through the rows.

// Accepted records that the service accepted the credential.
func (s *Signing) Accepted() {
	if s.granted.Load() {
		s.grant.accepted()
	}
}

// Undecided records that the response says nothing about the credential.
func (s *Signing) Undecided() {
	if s.granted.Load() {
		s.grant.undecided()
	}
}

// Rejected records that the service rejected the credential, and logs that. It returns
// whether the upload may be sent again, if there is another credential.
func (s *Signing) Rejected(rejection uploadapi.Rejection) bool {
	// Without a credential from here, the rejection says nothing about the project's.
	if !s.granted.Load() {
		return false
	}
	g, p := &s.grant, s.grant.grantor.project
	p.metrics.rejected(rejection.String())
	last := newFailure(rejection.String(), "likely cause: "+g.likelyCause(rejection))
	p.credentials.rejected.Store(&last)
	g.undecided()
	if _, minted := p.source.(source.FixedLifetime); minted && !g.byFallback && p.credentials.clock.Offset() != g.offset {
		return true // the clock it was made by was wrong, and that was reported
	}
	// Only an invalid signature may be a matter of the key.
	keys := g.keyring()
	if keys == nil || rejection != uploadapi.Invalid {
		return g.rejected(rejection)
	}
	signer := keys.signer(g.token)
	if signer < 0 {
		return true // the key that it was made with is not in use any more
	}
	if keys.takesTurns {
		return s.rejectedKey(signer)
	}
	return g.rejected(rejection)
}

// rejectedKey records that the service rejected what one of several secret keys has signed. It
// returns whether there is a key that the upload has not been rejected with. The active key
// does not change by a rejection.
func (s *Signing) rejectedKey(signer int) bool {
	p, c := s.grant.grantor.project, s.grant.grantor.project.credentials
	same := p.keyring.same(signer)
	s.refused = append(s.refused, same...)
	var evidence token.Evidence
	if s.Stream {
		evidence = c.rotation.RejectStream(s.client(), same...)
	} else {
		evidence = c.rotation.Reject(same...)
	}
	if evidence.Lasting && evidence.All {
		p.reportAllKeys()
	} else {
		s.grant.warn(uploadapi.Invalid)
	}
	_, ok := c.rotation.Untried(s.refused)
	return ok
}

// rejected records that the service rejected the credential, and logs that. It returns
// whether the service may accept another one.
func (g *grant) rejected(rejection uploadapi.Rejection) bool {
	p := g.grantor.project
	switch {
	case rejection == uploadapi.Invalid && p.publicKey == Any:
		// It says more about the client's public key than about the credential, which
		// the uploads of all projects share.
		g.report(rejection)
		return false
	case rejection == uploadapi.Invalid && g.keyring() != nil:
		g.suspect() // no retry: the next credential would be made with the same key
		return false
	case rejection == uploadapi.Exhausted && p.accessTokens != nil:
		// It was the upload's own. The next would allow no more, and part of the
		// upload may have been accepted.
		g.report(rejection)
		return false
	case rejection == uploadapi.Invalid:
		g.grantor.drop(g.token, rejection)
		g.suspect()
		return true // if there is another by now
	case p.accessTokens != nil: // nothing is kept that could be dropped
		g.report(rejection)
		return true
	}
	inUse := g.grantor.drop(g.token, rejection)
	// Otherwise another upload has reported it: of a burst with one credential, each
	// comes here.
	if inUse || p.fallback != nil { // whose credentials the cache does not hold
		g.report(rejection)
	}
	return true
}

// accepted records that the service accepted the credential.
func (g *grant) accepted() {
	p, c := g.grantor.project, g.grantor.project.credentials
	if p.keyring == nil {
		g.grantor.accept(g.token)
	}
	// Nearly every upload ends here: what follows is for when something was wrong before.
	if !c.reported.open.Load() && !c.rotation.IsSuspect() && !c.standIn.IsSuspect() && !g.key.own && g.proves == nil {
		return
	}
	if keys := g.keyring(); keys == nil || !keys.takesTurns {
		g.rotation().Accept()
	} else if !g.acceptedKey(keys) {
		return
	}
	c.standIn.Accept()
	if g.proves != nil {
		g.proves.reportProven(uploadapi.Invalid)
	}
	p.reportEnd()
}

// acceptedKey records that the service accepted what one of several secret keys has signed. If
// it rejected the same upload with the active key, or has accepted nothing for long, the
// key becomes the active one. acceptedKey reports whether it is that now.
func (g *grant) acceptedKey(keys *keyring) bool {
	p, c := g.grantor.project, g.grantor.project.credentials
	signer := keys.signer(g.token)
	if signer == c.rotation.Active() {
		c.rotation.Accept()
		return true
	}
	if signer >= 0 && g.key.own {
		if c.rotation.Advance(g.key.inPlaceOf, signer, c.cache.Clear) {
			p.reportTurn(signer)
			return true
		}
	}
	g.undecided() // signed before another key became active, it proves nothing about that one
	return false
}

// undecided records that the response says nothing about the credential.
func (g *grant) undecided() {
	if g.key.onTrial {
		g.grantor.project.credentials.rotation.EndTrial()
	}
}

// rotation returns what the service has said of the secret keys, or of the source
// and its fallback together if there are none.
func (g *grant) rotation() *token.Rotation {
	p := g.grantor.project
	if g.byFallback && p.keyring != nil {
		return p.credentials.standIn
	}
	return p.credentials.rotation
}

// suspect records a rejection that the client may have caused. It is logged as a warning, and
// as an error when nothing has been accepted for long.
func (g *grant) suspect() {
	if g.rotation().Reject(0).Lasting {
		g.report(uploadapi.Invalid)
	} else {
		g.warn(uploadapi.Invalid)
	}
}

// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// Signing is how one attempt at an upload gets its credential, and what the
// service says of that. The zero value is the first attempt's at an upload that
// can be sent again.
type Signing struct {
	// Stream is set if the upload cannot be sent again, and then Client is the
	// address that it comes from.
	Stream bool
	Client string

	fresh *issued // what a further attempt is signed with, unless that is made for each
	key   keyChoice
	// refused are the indexes of the secret keys that the upload has been rejected with.
	refused []int
	// proves is what the upload left with before, if its acceptance shows that to be
	// invalid, or nil.
	proves *grant

	grant   grant // what the attempt was signed with, once granted says so
	granted atomic.Bool
}

// keyChoice is which of a project's secret keys signs one attempt.
type keyChoice struct {
	own       bool // not the one that signs for all
	key       int  // its index
	inPlaceOf int  // that of the one that signs for all
	onTrial   bool // no other upload is
}

// grant is a credential that an attempt left with.
type grant struct {
	issued
	grantor   Grantor
	publicKey string        // which the client sent, if it was known by then
	offset    time.Duration // of the clock that it was made by
	key       keyChoice
	proves    *grant // what its acceptance shows to be invalid, or nil
}

// keyring returns the secret keys that the credential was made with one of, or nil.
func (g *grant) keyring() *keyring {
	if g.byFallback {
		return nil
	}
	return g.grantor.project.keyring
}

// Token returns the project's credential for the attempt. publicKey is the one
// that the client sent, if it is known.
func (s *Signing) Token(ctx context.Context, grantor Grantor, publicKey string) (source.Token, error) {
	p := grantor.project
	return s.note(grantor, publicKey, func() (issued, error) {
		if s.fresh != nil && !s.fresh.token.Expired(p.credentials.clock.Now().Wall, 0) {
			return *s.fresh, nil
		}
		if s.choosesKey(p) {
			if fresh, err := p.signWith(ctx, s.key.key); err == nil || !s.leavesKey(p) {
				return bySource(fresh, err)
			}
		}
		return grantor.issue(ctx)
	})
}

// AccessToken returns an access token for the attempt: one of its own, which is
// good for the endpoint and path, the request's, or what the source has handed out.
func (s *Signing) AccessToken(ctx context.Context, grantor Grantor, publicKey string, endpoint *uploadapi.SignedEndpoint, path string) (source.Token, error) {
	p := grantor.project
	if p.accessTokens == nil {
		return s.Token(ctx, grantor, publicKey)
	}
	return s.note(p.Grantor(), publicKey, func() (issued, error) {
		paths := scopeOf(endpoint, path)
		if s.choosesKey(p) {
			if fresh, err := p.authorizeWith(p.keyring.accessTokens(s.key.key), paths); err == nil || !s.leavesKey(p) {
				return bySource(fresh, err)
			}
		}
		return bySource(p.authorizeWith(p.accessTokens, paths))
	})
}

// choosesKey reports whether another secret key signs the attempt than the one
// that signs for all: since it has been rejected with that, or to try another.
func (s *Signing) choosesKey(p *Project) bool {
	if p.keyring == nil || s.key.own || !s.Stream {
		return s.key.own
	}
	rotation := p.credentials.rotation
	if key, ok := rotation.Try(s.client()); ok {
		s.key = keyChoice{own: true, key: key, inPlaceOf: rotation.Active(), onTrial: true}
	}
	return s.key.own
}

// leavesKey ends the trial of a key that could not sign. It reports whether the one
// that signs for all is to take its place: an upload that was sent before has been
// rejected with that.
func (s *Signing) leavesKey(p *Project) bool {
	if s.key.onTrial {
		p.credentials.rotation.EndTrial()
	}
	s.key = keyChoice{}
	return s.Stream
}

// client returns whose upload it is. One who has an address of IPv6 has many.
func (s *Signing) client() string {
	address, err := netip.ParseAddr(s.Client)
	if err != nil || address.Unmap().Is4() {
		return s.Client
	}
	network, _ := address.WithZone("").Prefix(64)
	return network.String()
}

func (s *Signing) note(grantor Grantor, publicKey string, get func() (issued, error)) (source.Token, error) {
	offset := grantor.project.credentials.clock.Offset()
	got, err := get()
	if err == nil {
		s.grant = grant{got, grantor, publicKey, offset, s.key, s.proves}
		s.granted.Store(true)
	}
	return got.token, err
}

// Project returns the one that the attempt's credential is of, or nil if it has
// none.
func (s *Signing) Project() *Project {
	if !s.granted.Load() {
		return nil
	}
	return s.grant.grantor.project
}

// MaxRepeats returns how often the upload may be sent again: once, or until each
// of the project's secret keys has been tried.
func (s *Signing) MaxRepeats() int {
	if keys := s.grant.keyring(); keys != nil {
		return len(keys.keys)
	}
	return 1
}

// Renew gets the next attempt another credential than the one that was rejected,
// after [Signing.Rejected] has said that there may be one. One that is made for
// each attempt is made with it. It reports whether there is one.
func (s *Signing) Renew(ctx context.Context, rejection uploadapi.Rejection, next *Signing) bool {
	p := s.grant.grantor.project
	if len(s.refused) > 0 {
		return next.takeNextKey(ctx, p, s.refused)
	}
	if p.accessTokens != nil {
		return true
	}
	fresh, err := s.grant.grantor.another(ctx)
	if err != nil || fresh.token.Signature == s.grant.token.Signature && fresh.token.AccessToken == s.grant.token.AccessToken {
		return false
	}
	next.fresh = &fresh
	if rejection == uploadapi.Invalid && s.grant.keyring() == nil {
		rejected := s.grant
		next.proves = &rejected
	}
	return true
}

// takeNextKey makes the attempt one that is signed with a secret key that the
// upload has not been rejected with. A key that cannot sign is found out before
// the upload is sent, while the client can still learn what the service said.
func (s *Signing) takeNextKey(ctx context.Context, p *Project, refused []int) (ok bool) {
	rotation := p.credentials.rotation
	s.refused, s.key = refused, keyChoice{own: true, inPlaceOf: rotation.Active()}
	if s.key.key, ok = rotation.Untried(refused); !ok {
		return false
	}
	if s.key.onTrial, ok = rotation.Claim(); !ok || p.accessTokens != nil {
		return ok
	}
	fresh, err := p.signWith(ctx, s.key.key)
	if err != nil {
		s.leavesKey(p)
		return false
	}
	s.fresh = &issued{token: fresh}
	return true
}

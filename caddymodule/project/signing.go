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

// Signing gets one attempt at an upload its credential, and records the service's verdict on
// it. The zero value is for the first attempt at an upload that can be sent again.
type Signing struct {
	// Stream is set if the upload cannot be sent again, and then Client is the
	// address that it comes from.
	Stream bool
	Client string

	fresh *issued // the credential of a retry, unless one is made for each attempt
	key   keyChoice
	// refused has the indexes of the secret keys that the upload was rejected with.
	refused []int
	// proves is the credential of the attempt before, if this attempt's acceptance proves
	// that one invalid, otherwise nil.
	proves *grant

	remaining time.Duration // how long the credential was still valid then

	grant   grant // the credential that the attempt left with; valid once granted is set
	granted atomic.Bool
}

// keyChoice is which of a project's secret keys signs one attempt.
type keyChoice struct {
	own       bool // another key than the active one signs this attempt
	key       int  // its index
	inPlaceOf int  // the index of the active key
	onTrial   bool // this upload is the one on trial
}

// grant is a credential that an attempt left with.
type grant struct {
	issued
	grantor   Grantor
	publicKey string        // the one that the client sent, if it was known by then
	offset    time.Duration // the clock's correction when it was made
	key       keyChoice
	proves    *grant // the credential that its acceptance proves invalid, or nil
}

// keyring returns the keyring that made the credential, or nil if none did.
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
		// The retry may have waited for its turn for longer than the credential lives
		// (invariant 5).
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

// AccessToken returns an access token for the attempt: one that is made for it, and valid
// for the endpoint alone; or a cached one, if the source hands those out.
func (s *Signing) AccessToken(ctx context.Context, grantor Grantor, publicKey string, endpoint *uploadapi.SignedEndpoint) (source.Token, error) {
	p := grantor.project
	if p.accessTokens == nil {
		return s.Token(ctx, grantor, publicKey)
	}
	// The project's Grantor, since what is made here depends on no caller.
	return s.note(p.grantor(), publicKey, func() (issued, error) {
		paths := []string{endpoint.Path}
		if s.choosesKey(p) {
			if fresh, err := p.authorizeWith(p.keyring.accessTokens(s.key.key), paths); err == nil || !s.leavesKey(p) {
				return bySource(fresh, err)
			}
		}
		return bySource(p.authorizeWith(p.accessTokens, paths))
	})
}

// choosesKey reports whether another secret key than the active one signs the attempt: the
// upload was rejected with the active key, or it is on trial with another.
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

// leavesKey ends the trial of a key that could not sign. It reports whether the active key
// is to sign instead. Not that of a retry: the upload has been rejected with it.
func (s *Signing) leavesKey(p *Project) bool {
	if s.key.onTrial {
		p.credentials.rotation.EndTrial()
	}
	s.key = keyChoice{}
	return s.Stream
}

// client returns the address that stands for the client of the upload: for IPv6 its /64,
// in which one host has as many addresses as it likes.
func (s *Signing) client() string {
	address, err := netip.ParseAddr(s.Client)
	if err != nil || address.Unmap().Is4() {
		return s.Client
	}
	network, _ := address.WithZone("").Prefix(64)
	return network.String()
}

// note records the credential that get returns as the one that the attempt leaves with.
// The clock's correction is read before: one that comes meanwhile is a reason to retry a
// rejected upload.
func (s *Signing) note(grantor Grantor, publicKey string, get func() (issued, error)) (source.Token, error) {
	offset := grantor.project.credentials.clock.Offset()
	got, err := get()
	if err == nil {
		s.remaining = time.Unix(got.token.Expire, 0).Sub(grantor.project.credentials.clock.Now().Wall)
		grantor.project.metrics.remaining.Observe(s.remaining.Seconds())
		s.grant = grant{got, grantor, publicKey, offset, s.key, s.proves}
		// Last: the proxy may read the body, which asks for the credential, in another
		// goroutine than the one that reads the verdict.
		s.granted.Store(true)
	}
	return got.token, err
}

// Remaining returns how many seconds the credential was still valid when the attempt got
// it, by the service's clock.
func (s *Signing) Remaining() int64 { return int64(s.remaining / time.Second) }

// Project returns the project of the attempt's credential, or nil before there is one.
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

// Renew gets the next attempt another credential than the rejected one, after
// [Signing.Rejected] has reported that there may be one. It reports whether there is.
// Credentials that are made for each attempt are made with the attempt, and not here.
func (s *Signing) Renew(ctx context.Context, rejection uploadapi.Rejection, next *Signing) bool {
	p := s.grant.grantor.project
	// The cache has the active key's credential alone, and that is the rejected one.
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
	// If this one is accepted, the rejected one was wrong, and no client has caused that.
	if rejection == uploadapi.Invalid && s.grant.keyring() == nil {
		rejected := s.grant
		next.proves = &rejected
	}
	return true
}

// takeNextKey has the attempt signed with a secret key that the upload has not been rejected
// with. It signs at once, in scheme signature: if the key cannot sign, the client can
// still get the service's response to the attempt before.
func (s *Signing) takeNextKey(ctx context.Context, p *Project, refused []int) (ok bool) {
	rotation := p.credentials.rotation
	s.refused, s.key = refused, keyChoice{own: true, inPlaceOf: rotation.Active()}
	if s.key.key, ok = rotation.Untried(refused); !ok {
		return false
	}
	// Claim refuses all but one while nothing has been accepted for long: otherwise each
	// upload would be sent once for every key.
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

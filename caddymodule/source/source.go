// SPDX-License-Identifier: Apache-2.0

// Package source is where credentials come from: what a source is, which others
// may implement as guest modules, and the ones that there are.
package source

import (
	"context"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// Namespace is where guest modules that yield credentials live.
const Namespace = "uploadcare.sources"

// Schemes are what a credential can be.
const (
	// SchemeSignature puts `signature` and `expire` among a request's fields.
	SchemeSignature = "signature"
	// SchemeToken puts a JWT into its header Authorization.
	SchemeToken = "token"
)

// Token is one credential for the Upload API: a signature or an access token,
// and the moment at which the service stops taking it.
type Token = token.Token

// Errors that sources return, possibly wrapped. Any other error means that the
// source failed, and may be asked again after a pause.
var (
	// ErrRefused means that whoever asks is not to have a token. The upload
	// gets 403, and nothing is kept.
	ErrRefused = token.ErrRefused
	// ErrUnreachable means that there was nobody, whoever asks: no address, no
	// connection, no TLS. While that is so, callers pause together. That there was no
	// answer in time is the caller's own: an error with a method Timeout that
	// is true, such as [context.DeadlineExceeded].
	ErrUnreachable = token.ErrUnreachable
)

// Source yields credentials. Its implementations are guest modules in the
// namespace `uploadcare.sources`; one that also implements
// [caddyfile.Unmarshaler] can be used in the Caddyfile, as a subdirective that
// is called like the module.
type Source interface {
	// Token returns a new credential. It is called at most once at a time for
	// each cache, and only when the cached token is about to expire. The
	// context does not end with the request that asked, so the source bounds
	// its own time; it ends when others are to be asked for instead. now is the
	// time at the Upload API, as far as it is known. A fallback is asked for each
	// upload that needs it, by several at once, with the upload's context.
	//
	// A token that has expired or is of the other scheme, and a panic, are
	// failures, whichever interface it comes from.
	Token(ctx context.Context, now time.Time) (Token, error)

	// CacheKey identifies where the tokens come from and what they are like.
	// Projects whose public keys, thresholds and cache keys are equal share one
	// token cache, which survives reloads. It may hold secrets: it is hashed
	// before it is kept.
	CacheKey() string
}

// RequestSource is implemented by sources whose tokens depend on the request,
// such as a resolver that is told who uploads.
type RequestSource interface {
	Source
	// DependsOnRequest reports whether the source, as it is configured, needs
	// a request to be asked at all.
	DependsOnRequest() bool
	// ForRequest returns the source for one request, whose placeholders it
	// replaces before it returns. Requests for which the CacheKey of what it
	// returns is equal share their tokens.
	ForRequest(*caddy.Replacer) (Source, error)
}

// ChangingSource is implemented by sources that may begin to make other tokens
// while they are loaded, because a secret in a file has changed.
type ChangingSource interface {
	Source
	// OnChange sets what is called when that happens. It is called once, before
	// the source is asked for a token.
	OnChange(func())
}

// Key is one of a source's secret keys: a source of what is signed with it. Keys
// whose cache keys are equal are the same.
//
// Unlike a source's own, its Token is also called for single uploads, by several at
// once, and beside a call for the cache: when the service has not taken what another
// key has signed. Here, too, the context does not end with the request.
type Key interface {
	Source
	// Made reports whether a token was made with the key, as it is now. It is
	// called for each upload that is rejected, by several at once.
	Made(Token) bool
}

// KeyedSource is implemented by sources that make credentials with secret keys,
// of which there may be several while one replaces another. The first signs,
// until the service has accepted what another has signed and not what the first
// has. A credential that the service does not take is not replaced by another
// of the same key. A key that cannot sign costs no upload that another has signed.
// It cannot depend on the request.
type KeyedSource interface {
	Source
	// SecretKeys returns the keys, at least one, and as many as long as the source is
	// loaded. They are asked in place of the source, and their cache keys count
	// beside its own. In scheme `token` all may be an [AccessTokenSource], or none.
	SecretKeys() []Key
}

// FixedSource is implemented by sources that have one credential, which somebody
// else has made and somebody must replace. The log warns of its expiry.
type FixedSource interface {
	Source
	// Held returns the credential, also if it has expired. It is called each
	// minute, beside Token.
	Held() Token
}

// LocalSource is implemented by sources that ask nobody: there is nothing that
// gateways could share.
type LocalSource interface {
	Source
	// Local only marks the source. It is called by nobody.
	Local()
}

// SchemeValidator is implemented by sources that have options for one scheme
// alone.
type SchemeValidator interface {
	// ValidateScheme returns an error that names the option that does not go
	// with the project's scheme, [SchemeSignature] or [SchemeToken].
	ValidateScheme(scheme string) error
}

// AccessTokenSource is implemented by sources that can make an access token for
// each request, in scheme `token`. They are not kept, so nothing stands in for them:
// a fallback and a threshold are load errors.
type AccessTokenSource interface {
	Source
	// AccessToken returns a token that is good for the paths of one endpoint. It
	// is called for each upload, by several at once.
	AccessToken(now time.Time, paths []string) (Token, error)
}

// FixedLifetime is implemented by sources that know beforehand how long their
// tokens live, so that a threshold which leaves nothing of it is a load error.
type FixedLifetime interface {
	TokenLifetime() time.Duration
}

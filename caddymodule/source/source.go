// SPDX-License-Identifier: Apache-2.0

// Package source defines what a source of credentials is, and has the sources secret_key,
// resolver and static. Others can be added as guest modules, without a change here.
//
// A source is asked by a cache, and not by each upload: once when the cached credential is
// about to expire. Its error refuses the uploads that wait for the credential: with 403 if
// it is [ErrRefused], and with 503 otherwise, after which the source is asked again.
package source

import (
	"context"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// Namespace is the namespace of the guest modules that are sources.
const Namespace = "uploadcare.sources"

// Schemes of credentials. A project has one of them.
const (
	// SchemeSignature means the fields `signature` and `expire` in a request's form or query.
	SchemeSignature = "signature"
	// SchemeToken means a JWT in a request's header Authorization.
	SchemeToken = "token"
)

// Token is one credential for the Upload API: a signature or an access token,
// and the moment at which the service stops taking it.
type Token = token.Token

// Errors that sources return, possibly wrapped. Any other error means that the
// source failed, and may be asked again after a pause.
var (
	// ErrRefused means that the caller may not have a token. The upload gets 403, and
	// the refusal is not cached.
	ErrRefused = token.ErrRefused
	// ErrUnreachable means that the source cannot be reached for any caller: no address,
	// no connection, no TLS. While that lasts, all callers pause together. A response
	// that does not come in time may be due to one caller's values, and is not this
	// error, but one whose method Timeout returns true, such as
	// [context.DeadlineExceeded].
	ErrUnreachable = token.ErrUnreachable
)

// Source yields credentials. Implementations are guest modules in the namespace
// `uploadcare.sources`. One that also implements [caddyfile.Unmarshaler] can be used in
// the Caddyfile, as a subdirective with the module's name.
type Source interface {
	// Token returns a new credential. It is called at most once at a time for each
	// cache, and only when the cached token is about to expire. The context does not end
	// with the request that needs the token, as others wait for it too, so the source
	// limits its own time; it ends if the call has to make room for calls of other callers.
	// now is the time at the Upload API, as far as it is known. A fallback's Token is called for
	// each upload that needs it, by several at once, with the upload's context.
	//
	// A token that has expired or is of the other scheme, and a panic, are failures,
	// whichever interface they come from.
	Token(ctx context.Context, now time.Time) (Token, error)

	// CacheKey identifies what decides the source's tokens: where they come from, and
	// options such as a lifetime. Projects whose public keys, thresholds and cache keys
	// are equal share one token cache, which survives reloads. The key may hold secrets:
	// only its hash is stored.
	CacheKey() string
}

// RequestSource is implemented by sources whose tokens depend on the request, such as a
// resolver that gets the user's name in a header.
type RequestSource interface {
	Source
	// DependsOnRequest reports whether the source, as it is configured, cannot yield a
	// token without a request.
	DependsOnRequest() bool
	// ForRequest returns the source for one request. It must replace the request's
	// placeholders before it returns, for the replacer cannot be used after the request.
	// Requests for which it returns sources with equal cache keys share their tokens.
	ForRequest(*caddy.Replacer) (Source, error)
}

// ChangingSource is implemented by sources that may begin to make other tokens
// while they are loaded, because a secret in a file has changed.
type ChangingSource interface {
	Source
	// OnChange sets the function to be called when that happens; the cached token is
	// discarded then. OnChange is called once, before Token.
	OnChange(func())
}

// Key is one of a source's secret keys: a source of credentials that are signed with it.
// Keys are the same if their cache keys are equal.
//
// Unlike a source's own, its Token is also called for single uploads, by several at once
// and beside a call for the cache: when the service has rejected what another key has
// signed. There, too, the context does not end with the request.
type Key interface {
	Source
	// Made reports whether a token was made with the key, as it is now. It is
	// called for each upload that is rejected, by several at once.
	Made(Token) bool
}

// KeyedSource is implemented by sources that make credentials with secret keys, of which
// there may be several while one replaces another. The first signs, until the service has
// rejected what it has signed and accepted what another has. An upload whose credential
// the service rejects as invalid is not retried with another one of the same key, which
// would be as invalid. If a key fails to sign, uploads that another key signs go on. A
// KeyedSource cannot depend on the request.
type KeyedSource interface {
	Source
	// SecretKeys returns the keys: at least one, and always as many while the source is
	// loaded. Tokens are taken from them instead of from the source. Projects share a token
	// cache only if the cache keys of their keys are equal as well. In scheme `token`, either
	// all of them implement [AccessTokenSource] or none.
	SecretKeys() []Key
}

// FixedSource is implemented by sources that have one credential, which was made elsewhere
// and is replaced by the operator. The log warns of its expiry ahead of time.
type FixedSource interface {
	Source
	// Held returns the credential, even if it has expired. It is called each minute,
	// beside Token.
	Held() Token
}

// LocalSource is implemented by sources that need no other server. The option `shared` is
// an error for them: there is no request that gateways of a fleet could spare each other.
type LocalSource interface {
	Source
	// Local marks the source. It is never called.
	Local()
}

// SchemeValidator is implemented by sources that have options for one scheme alone, since
// a source does not know its project.
type SchemeValidator interface {
	// ValidateScheme returns an error, which names the option, if an option is invalid in
	// the project's scheme, [SchemeSignature] or [SchemeToken].
	ValidateScheme(scheme string) error
}

// AccessTokenSource is implemented by sources that can make an access token for
// each request, in scheme `token`. They are not kept, so nothing stands in for them:
// a fallback and a threshold are load errors.
type AccessTokenSource interface {
	Source
	// AccessToken returns a token that is valid for the given paths, which are the
	// spellings of one endpoint's path. It is called for each upload, by several at once,
	// so it must not block. now is the time at the Upload API.
	AccessToken(now time.Time, paths []string) (Token, error)
}

// FixedLifetime is implemented by sources that know in advance how long their tokens are
// valid. A project's threshold that is not shorter is a load error then: each token would
// be renewed as soon as it was made.
type FixedLifetime interface {
	// TokenLifetime returns how long each token is valid when it is new.
	TokenLifetime() time.Duration
}

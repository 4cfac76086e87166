// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// keyring is the source of a project whose source has secret keys. It makes credentials
// with the key whose turn it is.
type keyring struct {
	source.Source // the source of the keys
	keys          []source.Key
	rotation      *token.Rotation
	// takesTurns says that there are several keys, and that another may become active.
	takesTurns bool
}

// newKeyring returns the keyring of a project's source, or nil if that has no keys.
func (p *Project) newKeyring() (*keyring, error) {
	keyed, ok := p.source.(source.KeyedSource)
	switch {
	case !ok:
		return nil, nil // most sources have no keys
	case p.perRequest != nil:
		return nil, fmt.Errorf("%s depends on the request: its secret keys would never sign", sourceName(keyed))
	}
	keys := keyed.SecretKeys()
	// A guest may return none, and the first is taken without another look.
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s: it has no secret key", sourceName(keyed))
	}
	// For any project, a rejection says more about the client's public key than
	// about the secret key.
	return &keyring{Source: keyed, keys: keys, takesTurns: len(keys) > 1 && p.publicKey != Any}, nil
}

// turns returns how many keys take turns.
func (k *keyring) turns() int {
	if k == nil || !k.takesTurns {
		return 1
	}
	return len(k.keys)
}

// writeTo writes the keys' cache keys in order: the index of the active key has no meaning
// for other keys, or for the same in another order.
func (k *keyring) writeTo(hash io.Writer) {
	if k == nil {
		return
	}
	for _, key := range k.keys {
		_, _ = fmt.Fprintf(hash, " %q", key.CacheKey())
	}
}

// Token implements [source.Source].
func (k *keyring) Token(ctx context.Context, now time.Time) (source.Token, error) {
	return k.keys[k.rotation.Active()].Token(ctx, now)
}

// CacheKey implements [source.Source]. It changes with the key that signs: what one
// has signed is not shared as another's.
func (k *keyring) CacheKey() string {
	return fmt.Sprintf("%q %q", k.Source.CacheKey(), k.keys[k.rotation.Active()].CacheKey())
}

// AccessToken implements [source.AccessTokenSource].
func (k *keyring) AccessToken(now time.Time, paths []string) (source.Token, error) {
	return k.accessTokens(k.rotation.Active()).AccessToken(now, paths)
}

// accessTokens makes access tokens with the active key, if each key can.
func (k *keyring) accessTokens(key int) source.AccessTokenSource {
	return k.keys[key].(source.AccessTokenSource)
}

// accessTokenSource returns the source of access tokens for single requests, or nil.
func (p *Project) accessTokenSource() (source.AccessTokenSource, error) {
	if p.keyring == nil {
		maker, _ := p.source.(source.AccessTokenSource)
		return maker, nil
	}
	// All or none: with some, uploads would fail or not by which key's turn it is.
	able := 0
	for _, key := range p.keyring.keys {
		if _, ok := key.(source.AccessTokenSource); ok {
			able++
		}
	}
	switch able {
	case 0:
		return nil, nil
	case len(p.keyring.keys):
		return p.keyring, nil
	default:
		return nil, fmt.Errorf("%s: some of its secret keys make access tokens, and some do not", sourceName(p.source))
	}
}

// signer returns the index of the key that a token was made with, or -1. If the same key is
// there twice, it is the active one of the two.
func (k *keyring) signer(t source.Token) int {
	active := k.rotation.Active() // which may change meanwhile
	if k.keys[active].Made(t) {
		return active
	}
	for i, key := range k.keys {
		if key.Made(t) {
			return i
		}
	}
	return -1
}

// same returns the indexes of the keys that are the same as the given one, including that.
func (k *keyring) same(key int) (same []int) {
	text := k.keys[key].CacheKey()
	for i, other := range k.keys {
		if other.CacheKey() == text {
			same = append(same, i)
		}
	}
	return same
}

// position names a key without showing it.
func (k *keyring) position(key int) string { return fmt.Sprintf("%d of %d", key+1, len(k.keys)) }

// Interface guard
var _ source.AccessTokenSource = (*keyring)(nil)

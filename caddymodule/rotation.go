// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// rotationPause is how long no other key is tried once all of them have been
// rejected: a service that takes none must not turn every upload into as many
// as there are keys.
const rotationPause = time.Minute

// rotation is which of several secret keys signs. It is part of a project's
// credentials, and so outlives the config. The zero value is for the first.
type rotation struct {
	active atomic.Int32

	mu       sync.Mutex
	rejected int           // how many keys in a row have been, up to the active one
	until    time.Duration // no other is tried before, on the clock's Elapsed
}

// current returns the index of the key that signs, of so many.
func (r *rotation) current(keys int) int { return int(r.active.Load()) % keys }

// step is what comes of a key's rejection.
type step int

const (
	keyStays  step = iota // all have been rejected lately
	keyPassed             // another signs already
	keyNext               // another signs now
	keysAtEnd             // there is none left that has not been rejected
)

// advance makes the next key sign after one of so many has been rejected. forget
// is called before anybody else knows, to forget what that one has signed.
func (r *rotation) advance(rejected, keys int, now time.Duration, forget func()) step {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.current(keys) != rejected:
		return keyPassed
	case now < r.until:
		return keyStays
	}
	r.rejected++
	r.active.Store(int32((rejected + 1) % keys)) //nolint:gosec // nobody has as many
	forget()
	if r.rejected < keys {
		return keyNext
	}
	r.rejected, r.until = 0, now+rotationPause
	return keysAtEnd
}

// accept takes note that the key that signs has been accepted. It returns which
// that is, and whether others have made way for it.
func (r *rotation) accept(keys int) (another bool, which string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	another = r.rejected > 0
	r.rejected, r.until = 0, 0
	return another, position(r.current(keys), keys)
}

// reset makes the first key sign, since the keys are others now.
func (r *rotation) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active.Store(0)
	r.rejected, r.until = 0, 0
}

// active returns the secret key that signs.
func (s *SecretKey) active() string { return s.secrets[s.rotation.current(len(s.secrets))].get() }

// signer returns the index of the key that a token was made with, or -1. The
// same key may be there twice: then it is the one that signs now.
func (s *SecretKey) signer(t Token) int {
	current := s.rotation.current(len(s.secrets)) // which may change meanwhile
	if isMadeWith(s.secrets[current].get(), t) {
		return current
	}
	for i, secret := range s.secrets {
		if isMadeWith(secret.get(), t) {
			return i
		}
	}
	return -1
}

// isMadeWith reports whether a token was made with a secret key.
func isMadeWith(secret string, t Token) bool {
	if t.AccessToken == "" {
		signature := token.Sign(secret, strconv.FormatInt(t.Expire, 10))
		return subtle.ConstantTimeCompare([]byte(signature), []byte(t.Signature)) == 1
	}
	// The signature is verified before anything that a token says.
	_, err := token.VerifyAccessToken(secret, t.AccessToken, time.Unix(t.Issued, 0))
	return !errors.Is(err, token.ErrSignatureMismatch) && !errors.Is(err, token.ErrNotAccessToken) && !errors.Is(err, token.ErrAlgorithm)
}

// position names a key without showing it.
func position(index, keys int) string { return fmt.Sprintf("%d of %d", index+1, keys) }

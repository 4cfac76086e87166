// SPDX-License-Identifier: Apache-2.0

package token

import (
	"crypto/subtle"
	"errors"
	"strconv"
	"time"
)

// IsMadeWith reports whether a token was made with a secret key.
func IsMadeWith(secret string, t Token) bool {
	if t.AccessToken == "" {
		signature := Sign(secret, strconv.FormatInt(t.Expire, 10))
		return subtle.ConstantTimeCompare([]byte(signature), []byte(t.Signature)) == 1
	}
	// The signature is verified before anything that a token says.
	_, err := VerifyAccessToken(secret, t.AccessToken, time.Unix(t.Issued, 0))
	return !errors.Is(err, ErrSignatureMismatch) && !errors.Is(err, ErrNotAccessToken) && !errors.Is(err, ErrAlgorithm)
}

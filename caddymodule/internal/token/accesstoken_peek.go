// SPDX-License-Identifier: Apache-2.0

package token

import (
	"math"

	"github.com/golang-jwt/jwt/v5"
)

// maxPeekedSize is the size of the largest text, in bytes, that is taken for an access
// token. With 16 paths of 64 characters one has less than 2 KiB.
const maxPeekedSize = 4 << 10

// PeekAccessToken returns what a text says that looks like an access token of the service,
// without verifying it. ok is false for other texts, JWTs without the claim `uc` among
// them: those are for the site that the request came to.
func PeekAccessToken(text string) (peeked Token, ok bool) {
	if len(text) > maxPeekedSize {
		return Token{}, false
	}
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(text, claims); err != nil {
		return Token{}, false
	}
	if _, ok = claims["uc"]; !ok {
		return Token{}, false
	}
	return Token{AccessToken: text, Issued: seconds(claims["iat"]), Expire: seconds(claims["exp"])}, true
}

// seconds returns a claim's time, or 0 if it is none: such a token has expired.
func seconds(claim any) int64 {
	value, _ := claim.(float64)
	if value < 0 || value > maxPeekedTime {
		return 0
	}
	return int64(math.Floor(value))
}

// maxPeekedTime keeps a float64 within the range of integers. It is in the year 5138.
const maxPeekedTime = 100_000_000_000

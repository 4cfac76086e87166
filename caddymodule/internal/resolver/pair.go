// SPDX-License-Identifier: Apache-2.0

package resolver

import "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"

// ParsePair parses a signature and its expiry, in Unix seconds of 10 digits, by the
// patterns of a response. Its errors quote neither.
func ParsePair(signature, expire string) (token.Token, error) {
	if err := checkSignature(signature); err != nil {
		return token.Token{}, err
	}
	seconds, err := parseExpire(expire)
	if err != nil {
		return token.Token{}, err
	}
	return token.Token{Signature: signature, Expire: seconds}, nil
}

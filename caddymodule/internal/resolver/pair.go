// SPDX-License-Identifier: Apache-2.0

package resolver

import "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"

// ParsePair checks a signature and its expiry by the same patterns as the
// values of a response. Its errors show neither.
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

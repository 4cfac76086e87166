// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// responseError is what is wrong with a response. It shows nothing of it.
type responseError string

func (e responseError) Error() string { return string(e) }

const (
	errNotAnObject    responseError = "the response is not a JSON object"
	errNoCredential   responseError = "the response holds neither secureSignature and secureExpire nor token"
	errTwoSignatures  responseError = "the response holds two signatures that differ"
	errTwoKinds       responseError = "the response holds a signature and a token: it must be one of them"
	errNoExpire       responseError = "the response holds a signature without its expiry"
	errSignatureType  responseError = "the signature is not a string"
	errExpireType     responseError = "the expiry is neither a string nor a number"
	errTokenType      responseError = "the token is not a string"
	errSignature      responseError = "the signature is not 64 hexadecimal digits in lower case"
	errSignatureMD5   responseError = "the signature has 32 hexadecimal digits, like those of the old MD5 scheme: it must be an HMAC-SHA256"
	errSignatureUpper responseError = "the signature has hexadecimal digits in upper case: they must be in lower case"
	errExpire         responseError = "the expiry is not Unix time in 10 digits"
	errExpireMillis   responseError = "the expiry has 13 digits and looks like milliseconds: it must be in seconds"
	errToken          responseError = "the token is not a JWT"
	errTokenTooLarge  responseError = "the token is too large"
	errTokenExp       responseError = "the token has no claim exp that is Unix time in seconds"
	errTokenExpMillis responseError = "the token's claim exp looks like milliseconds: it must be in seconds"
)

// The shapes of a response. The first is File Uploader's, the second that of
// earlier samples, and the third is of the scheme `token`.
var signatureShapes = []struct{ signature, expire string }{
	{"secureSignature", "secureExpire"},
	{"signature", "expire"},
}

const tokenMember = "token"

var byteOrderMark = []byte("\uFEFF")

// Parse reads a response: `{"secureSignature":"...","secureExpire":"..."}`, the
// same as `signature` and `expire`, or `{"token":"..."}`. What it returns has
// only values that match their patterns; its errors show none. `null` and `{}`
// are [token.ErrRefused]. A member that is null is not there.
func Parse(response []byte) (token.Token, error) {
	response = bytes.TrimPrefix(response, byteOrderMark) // as browsers do
	// A map, since the names of members are matched in any case otherwise.
	var members map[string]json.RawMessage
	if err := json.Unmarshal(response, &members); err != nil {
		return token.Token{}, errNotAnObject
	}
	if len(members) == 0 {
		return token.Token{}, fmt.Errorf("%w: the response is empty", token.ErrRefused)
	}
	maps.DeleteFunc(members, func(_ string, value json.RawMessage) bool { return string(value) == "null" })
	signature, err := parseSignature(members)
	raw, hasToken := members[tokenMember]
	switch {
	case err != nil:
		return token.Token{}, err
	case !hasToken && signature.Signature == "":
		return token.Token{}, errNoCredential
	case !hasToken:
		return signature, nil
	case signature.Signature != "":
		return token.Token{}, errTwoKinds
	}
	var text string
	if raw[0] != '"' || json.Unmarshal(raw, &text) != nil {
		return token.Token{}, errTokenType
	}
	return parseAccessToken(text)
}

// parseSignature returns the signature among the members, if there is one.
func parseSignature(members map[string]json.RawMessage) (token.Token, error) {
	var found token.Token
	for _, shape := range signatureShapes {
		raw, ok := members[shape.signature]
		if !ok {
			continue
		}
		rawExpire, ok := members[shape.expire]
		if !ok {
			return token.Token{}, errNoExpire
		}
		parsed, err := decodePair(raw, rawExpire)
		if err != nil {
			return token.Token{}, err
		}
		if found.Signature != "" && found != parsed {
			return token.Token{}, errTwoSignatures
		}
		found = parsed
	}
	return found, nil
}

func decodePair(rawSignature, rawExpire json.RawMessage) (token.Token, error) {
	var signature string
	if rawSignature[0] != '"' || json.Unmarshal(rawSignature, &signature) != nil {
		return token.Token{}, errSignatureType
	}
	text := string(rawExpire) // of a number, as it was written
	switch {
	case text[0] == '"':
		if json.Unmarshal(rawExpire, &text) != nil {
			return token.Token{}, errExpireType
		}
	case text[0] != '-' && (text[0] < '0' || text[0] > '9'):
		return token.Token{}, errExpireType
	}
	return ParsePair(signature, text)
}

// parseExpire reads Unix seconds in exactly the digits in which they are signed.
func parseExpire(text string) (int64, error) {
	if !expirePattern.MatchString(text) {
		if millisPattern.MatchString(text) {
			return 0, errExpireMillis
		}
		return 0, errExpire
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, errExpire
	}
	return seconds, nil
}

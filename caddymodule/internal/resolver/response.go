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

// responseError is what is wrong with a response. It never quotes it, for it may
// hold a credential. Each says what to change at the endpoint.
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

// The members of a response that hold a signature. The first pair is what File
// Uploader's own resolver returns, so one endpoint serves both; the second is that
// of Uploadcare's older code samples.
var signatureShapes = []struct{ signature, expire string }{
	{"secureSignature", "secureExpire"},
	{"signature", "expire"},
}

// tokenMember is the member that holds an access token, for scheme `token`.
const tokenMember = "token"

var byteOrderMark = []byte("\uFEFF")

// Parse parses the body of a response: `{"secureSignature":"...","secureExpire":"..."}`,
// the same as `signature` and `expire`, or `{"token":"..."}`. Members that are null
// count as missing; others are ignored. The values that it returns match their
// patterns, so that they can be written into a form or a header as they are. Its
// errors quote none. For `null` and `{}` it is [token.ErrRefused].
func Parse(response []byte) (token.Token, error) {
	response = bytes.TrimPrefix(response, byteOrderMark) // some frameworks send one, and browsers drop it
	// A map, since encoding/json matches the fields of a struct in any case: a
	// member SIGNATURE would be taken for the signature.
	var members map[string]json.RawMessage
	if err := json.Unmarshal(response, &members); err != nil {
		return token.Token{}, errNotAnObject
	}
	if len(members) == 0 {
		return token.Token{}, fmt.Errorf("%w: the response is empty", token.ErrRefused)
	}
	maps.DeleteFunc(members, func(_ string, value json.RawMessage) bool { return string(value) == "null" })
	// A response with both kinds is refused: which of them the user means is for the
	// option `scheme` to say, and a wrong guess would only show as rejected uploads.
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

// parseSignature returns the signature among the members, or the zero value if there
// is none. Two that differ are an error: which of them is stale cannot be known.
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

// decodePair decodes a signature and its expiry. The expiry may be a number, as most
// samples return it, or a string.
func decodePair(rawSignature, rawExpire json.RawMessage) (token.Token, error) {
	var signature string
	if rawSignature[0] != '"' || json.Unmarshal(rawSignature, &signature) != nil {
		return token.Token{}, errSignatureType
	}
	text := string(rawExpire) // a number, as it is written: a float64 would accept 1.9e9
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

// parseExpire parses Unix time in exactly 10 digits: the signature covers this text,
// and a form's length is known in advance only with a fixed width.
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

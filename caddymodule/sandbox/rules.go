// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"crypto/subtle"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// authorize applies the rules that are common to all signed endpoints, in the order in which
// the service is assumed to apply them. problem is what is wrong with the body. operations
// is how many operations of an access token the request uses. nil means accepted.
func (h *Handler) authorize(r *http.Request, problem *uploadapi.Error, sent fields, operations int) *uploadapi.Error {
	if problem != nil {
		return problem
	}
	// Any Authorization selects the scheme `token`: an invalid one is refused, even beside a
	// valid signature.
	if len(r.Header.Values("Authorization")) > 0 {
		if refusal := h.checkAccessToken(r, sent, operations); refusal != nil {
			return refusal
		}
		return h.throttle()
	}
	endpoint := uploadapi.Signed(http.MethodPost, r.URL.Path) // the rules do not depend on the method
	if refusal := h.checkPublicKey(endpoint.PublicKey, sent.first(endpoint.PublicKey)); refusal != nil {
		return refusal
	}
	if refusal := h.checkCredential(endpoint, sent); refusal != nil {
		return refusal
	}
	return h.throttle()
}

// throttle refuses every n-th of the correctly signed requests.
func (h *Handler) throttle() *uploadapi.Error {
	// What is refused for another reason does not count, so that n uploads show exactly
	// one 429.
	if h.ThrottleEvery > 0 && h.signedRequests.Add(1)%int64(h.ThrottleEvery) == 0 {
		return uploadapi.ErrThrottled
	}
	return nil
}

// checkPublicKey checks the project's public key, which some endpoints expect under another
// name.
func (h *Handler) checkPublicKey(name, key string) *uploadapi.Error {
	switch key {
	case "":
		return uploadapi.PublicKeyRequired(name)
	case h.publicKey:
		return nil
	default:
		return uploadapi.PublicKeyInvalid(name)
	}
}

// checkCredential checks signature and expire. That both are required comes first, then the
// expiry, and the signature last: an old signature is reported as expired, and not as
// invalid.
func (h *Handler) checkCredential(endpoint *uploadapi.SignedEndpoint, sent fields) *uploadapi.Error {
	// The order below is that of the documentation's table of errors; the service's own
	// is not known.
	if refusal := checkSingle(endpoint, sent); refusal != nil {
		return refusal
	}
	signature, expire := sent.first(endpoint.Signature), sent.first(endpoint.Expire)
	if signature == "" {
		return uploadapi.ErrSignatureRequired
	}
	if expire == "" {
		return uploadapi.ErrExpireRequired
	}
	seconds, ok := parseExpire(expire)
	if !ok {
		return uploadapi.ErrExpireInvalid
	}
	if seconds < h.now().Unix() { // at the second itself it is still valid
		return uploadapi.ErrSignatureExpired
	}
	valid := token.Sign(h.secretKey, expire) // of the text that was sent, and not of the number
	if subtle.ConstantTimeCompare([]byte(signature), []byte(valid)) != 1 {
		return uploadapi.ErrSignatureInvalid
	}
	return nil
}

// checkSingle refuses a second credential, which a gateway must have removed. It is not known
// which of two the service would use; here, a test fails whichever it is.
func checkSingle(endpoint *uploadapi.SignedEndpoint, sent fields) *uploadapi.Error {
	// Empty values count, too: a client that sends `signature=` is why there is a gateway.
	names := []string{endpoint.Signature, endpoint.Expire}
	for _, name := range names {
		if len(sent.all(name)) > 1 {
			return errDuplicateCredential(name)
		}
	}
	for _, field := range uploadapi.CredentialFields() {
		for _, name := range sent.names() { // in any case: some servers ignore it
			if strings.EqualFold(name, field) && !slices.Contains(names, name) {
				return &uploadapi.Error{
					Status:  http.StatusBadRequest,
					Code:    "SandboxStaleCredentialError",
					Message: "`" + name + "` has no place on " + endpoint.Path + ".",
				}
			}
		}
	}
	return nil
}

// errDuplicateCredential refuses a credential that was sent twice.
func errDuplicateCredential(name string) *uploadapi.Error {
	return &uploadapi.Error{
		Status:  http.StatusBadRequest,
		Code:    "SandboxDuplicateCredentialError",
		Message: "`" + name + "` was sent more than once.",
	}
}

// parseExpire parses Unix seconds. A number with more digits than they have until 2286 is
// taken for milliseconds, and refused as the service refuses those.
func parseExpire(text string) (int64, bool) {
	// ParseInt takes signs.
	if len(text) > uploadapi.ExpireLength || strings.ContainsAny(text, "+-") {
		return 0, false
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	return seconds, err == nil
}

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

// authorize applies the rules that all signed endpoints have in common to a
// request that has arrived, in the order in which the service is taken to apply
// them. operations is how many the request takes from an access token. nil means
// accepted.
func (h *Handler) authorize(r *http.Request, problem *uploadapi.Error, sent fields, operations int) *uploadapi.Error {
	if problem != nil {
		return problem
	}
	if len(r.Header.Values("Authorization")) > 0 {
		if refusal := h.checkAccessToken(r, sent, operations); refusal != nil {
			return refusal
		}
		return h.throttle()
	}
	endpoint := uploadapi.Signed(http.MethodPost, r.URL.Path) // whose rules are those of its other methods
	if refusal := h.checkPublicKey(endpoint.PublicKey, sent.first(endpoint.PublicKey)); refusal != nil {
		return refusal
	}
	if refusal := h.checkCredential(endpoint, sent); refusal != nil {
		return refusal
	}
	return h.throttle()
}

// throttle refuses every n-th of the requests that are signed well.
func (h *Handler) throttle() *uploadapi.Error {
	if h.ThrottleEvery > 0 && h.signedRequests.Add(1)%int64(h.ThrottleEvery) == 0 {
		return uploadapi.ErrThrottled
	}
	return nil
}

// checkPublicKey applies the rules of a project's key, which every endpoint
// has under a name of its own.
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

func (h *Handler) checkCredential(endpoint *uploadapi.SignedEndpoint, sent fields) *uploadapi.Error {
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
	if seconds < h.now().Unix() {
		return uploadapi.ErrSignatureExpired
	}
	valid := token.Sign(h.secretKey, expire)
	if subtle.ConstantTimeCompare([]byte(signature), []byte(valid)) != 1 {
		return uploadapi.ErrSignatureInvalid
	}
	return nil
}

// checkSingle refuses what a gateway should have taken out. Which of two
// values the service would honour is not known, and it never has to be.
func checkSingle(endpoint *uploadapi.SignedEndpoint, sent fields) *uploadapi.Error {
	names := []string{endpoint.Signature, endpoint.Expire}
	for _, name := range names {
		if len(sent.all(name)) > 1 {
			return duplicateCredential(name)
		}
	}
	for _, field := range uploadapi.CredentialFields() {
		for _, name := range sent.names() { // in any case of letters
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

func duplicateCredential(name string) *uploadapi.Error {
	return &uploadapi.Error{
		Status:  http.StatusBadRequest,
		Code:    "SandboxDuplicateCredentialError",
		Message: "`" + name + "` was sent more than once.",
	}
}

// parseExpire reads Unix seconds. Anything longer than they are until the year
// 2286 is taken for milliseconds, the mistake that the service names.
func parseExpire(text string) (int64, bool) {
	if len(text) > uploadapi.ExpireLength || strings.ContainsAny(text, "+-") {
		return 0, false
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	return seconds, err == nil
}

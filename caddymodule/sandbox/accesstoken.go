// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// bearer is what the header Authorization begins with.
const bearer = "Bearer "

// checkAccessToken applies the rules of a request with the header
// Authorization. The token stands in for the public key, which is not looked
// at. operations is how many the request needs.
func (h *Handler) checkAccessToken(r *http.Request, sent fields, operations int) *uploadapi.Error {
	if refusal := checkNoSignature(sent); refusal != nil {
		return refusal
	}
	headers := r.Header.Values("Authorization")
	if len(headers) > 1 {
		return duplicateCredential("Authorization")
	}
	text, ok := strings.CutPrefix(headers[0], bearer)
	if !ok {
		return uploadapi.ErrAuthorizationInvalid
	}
	verified, err := token.VerifyAccessToken(h.secretKey, text, h.now())
	switch {
	case errors.Is(err, token.ErrAccessTokenExpired):
		return uploadapi.ErrAccessTokenExpired
	case err != nil:
		return uploadapi.AccessTokenInvalid(err.Error())
	case !verified.Allows(r.URL.Path):
		return uploadapi.ErrScopeForbidden
	case !h.operations.spend(text, operations, verified.Operations):
		return uploadapi.ErrOperationsLimit
	}
	return nil
}

// checkNoSignature refuses a signature beside a token. What the service makes
// of one that is empty or of another name is not known, and never has to be.
func checkNoSignature(sent fields) *uploadapi.Error {
	if sent.first(uploadapi.FieldSignature) != "" || sent.first(uploadapi.FieldExpire) != "" {
		return uploadapi.ErrTwoCredentials
	}
	for _, name := range sent.names() {
		if isCredential(name) {
			return &uploadapi.Error{
				Status:  http.StatusBadRequest,
				Code:    "SandboxStaleCredentialError",
				Message: "`" + name + "` has no place beside a Bearer token.",
			}
		}
	}
	return nil
}

// operations counts what was spent of each token, in the order in which they
// were first seen. Of very many it forgets the oldest. The zero value is empty.
type operations struct {
	mu    sync.Mutex
	spent recent[int]
}

// spend takes a number of operations from what a token allows, all or none. A
// limit of 0 is none.
func (o *operations) spend(text string, count, limit int) bool {
	if limit == 0 {
		return true
	}
	digest := sha256.Sum256([]byte(text))
	key := string(digest[:])
	o.mu.Lock()
	defer o.mu.Unlock()
	spent, _ := o.spent.get(key)
	if spent+count > limit {
		return false
	}
	o.spent.put(key, spent+count)
	return true
}

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

// bearer is the beginning of the header Authorization (RFC 6750, section 2.1).
const bearer = "Bearer "

// checkAccessToken applies the rules for a request with the header Authorization. The token
// names the project, so the public key is not checked. operations is how many the request
// uses.
func (h *Handler) checkAccessToken(r *http.Request, sent fields, operations int) *uploadapi.Error {
	if refusal := checkNoSignature(sent); refusal != nil {
		return refusal
	}
	headers := r.Header.Values("Authorization")
	if len(headers) > 1 { // servers take the first or the last
		return errDuplicateCredential("Authorization")
	}
	// In these letters alone. RFC 9110, section 11.1, takes any case of them, but it is
	// not known whether the service does.
	text, ok := strings.CutPrefix(headers[0], bearer)
	if !ok {
		return uploadapi.ErrAuthorizationInvalid
	}
	verified, err := token.VerifyAccessToken(h.secretKey, text, h.now())
	switch {
	case errors.Is(err, token.ErrAccessTokenExpired):
		return uploadapi.ErrAccessTokenExpired
	case err != nil:
		// The text is about the token's form, and shows nothing of it.
		return uploadapi.AccessTokenInvalid(err.Error())
	// After the signature: an unsigned scope means nothing.
	case !verified.Allows(r.URL.Path):
		return uploadapi.ErrScopeForbidden
	// Last, so that a request which is refused for another reason uses none.
	case !h.operations.spend(text, operations, verified.Operations):
		return uploadapi.ErrOperationsLimit
	}
	return nil
}

// checkNoSignature refuses a signature beside a token. It is not known how the service treats
// one that is empty or has another name: a gateway must have removed it.
func checkNoSignature(sent fields) *uploadapi.Error {
	// The documentation has the service check the signature then and ignore the header,
	// which lifts the token's limits; Uploadcare's API emulator responds with 403. A
	// gateway must cause neither.
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

// operations counts the operations that each access token has used. It forgets the oldest
// tokens if there are very many. The zero value is empty.
type operations struct {
	mu    sync.Mutex
	spent recent[int]
}

// spend uses count operations of a token, or none if fewer are left. 0 as the limit means
// that there is none. Tokens are stored as hashes, which have the same short length.
func (o *operations) spend(text string, count, limit int) bool {
	if limit == 0 {
		return true
	}
	digest := sha256.Sum256([]byte(text))
	key := string(digest[:])
	o.mu.Lock()
	defer o.mu.Unlock()
	spent, _ := o.spent.get(key)
	if spent+count > limit { // nothing is spent, and a smaller request may still pass
		return false
	}
	o.spent.put(key, spent+count)
	return true
}

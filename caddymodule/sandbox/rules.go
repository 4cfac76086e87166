// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// judge applies the rules of /base/ to a form that has arrived, in the order
// in which the service is taken to apply them. nil means accepted.
func (h *Handler) judge(upload *form, query url.Values) *uploadapi.Error {
	if upload.problem != nil {
		return upload.problem
	}
	key := upload.first(uploadapi.FieldPublicKey)
	if key == "" {
		key = firstNonEmpty(query[uploadapi.FieldPublicKey])
	}
	if refusal := h.checkPublicKey(uploadapi.FieldPublicKey, key); refusal != nil {
		return refusal
	}
	if refusal := h.checkCredential(upload.fields, query); refusal != nil {
		return refusal
	}
	if upload.fileCount == 0 {
		return uploadapi.ErrFilesRequired
	}
	// Last, so that nobody without a credential learns how full the disk is.
	if upload.full {
		return uploadapi.ErrAccountLimits
	}
	return nil
}

func (h *Handler) checkCredential(fields, query url.Values) *uploadapi.Error {
	if refusal := checkSingle(fields, query); refusal != nil {
		return refusal
	}
	signature := only(uploadapi.FieldSignature, fields, query)
	expire := only(uploadapi.FieldExpire, fields, query)
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
func checkSingle(fields, query url.Values) *uploadapi.Error {
	for _, name := range []string{uploadapi.FieldSignature, uploadapi.FieldExpire} {
		if len(fields[name])+len(query[name]) > 1 {
			return &uploadapi.Error{
				Status:  http.StatusBadRequest,
				Code:    "SandboxDuplicateCredentialError",
				Message: "`" + name + "` was sent more than once.",
			}
		}
	}
	for _, name := range []string{uploadapi.FieldIframeSignature, uploadapi.FieldIframeExpire} {
		if len(fields[name])+len(query[name]) > 0 {
			return &uploadapi.Error{
				Status:  http.StatusBadRequest,
				Code:    "SandboxStaleCredentialError",
				Message: "`" + name + "` has no place on " + uploadapi.Base + ".",
			}
		}
	}
	return nil
}

// only returns the value of a name that was sent at most once, in the body or
// in the query.
func only(name string, fields, query url.Values) string {
	return firstNonEmpty(slices.Concat(fields[name], query[name]))
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

// SPDX-License-Identifier: Apache-2.0

package uploadapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
)

// Error is a refusal in the words of the Upload API.
//
// Source: the error table of https://uploadcare.com/api-refs/upload-api/
type Error struct {
	Status  int    // HTTP status
	Code    string // machine-readable name, `error_code`
	Message string // text for people, `content`
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// The service's errors that the gateway or the sandbox returns. The spelling of codes
// and messages is the service's, mistakes included: clients compare them.
var (
	ErrSignatureRequired = &Error{http.StatusBadRequest, "SignatureRequiredError", "`signature` is required."}
	ErrExpireRequired    = &Error{http.StatusBadRequest, "SignatureExpirationRequiredError", "`expire` is required."}
	ErrExpireInvalid     = &Error{http.StatusBadRequest, "SignatureExpirationInvalidError", "`expire` must be a UNIX timestamp."}
	ErrSignatureExpired  = &Error{http.StatusForbidden, "SignatureExpirationError", "Expired signature."}
	ErrSignatureInvalid  = &Error{http.StatusForbidden, "SignatureInvalidError", "Invalid signature."}
	ErrAccountLimits     = &Error{http.StatusForbidden, "AccountLimitsExceededError", "Account has reached its limits."}
	ErrRequestSizeLimit  = &Error{http.StatusRequestEntityTooLarge, "RequestSizeLimitExceededError", "The size of the request is too large."}
	ErrFileTooLarge      = &Error{http.StatusBadRequest, "FileSizeLimitExceededError", "File is too large."}
	ErrFileType          = &Error{http.StatusBadRequest, "FileTypeForbiddenError", "Uploading of these file types is not allowed."}
	ErrParserFailed      = &Error{http.StatusBadRequest, "PostRequestParserFailedError", "HTTP POST request parsing failed."}
	ErrTooManyFields     = &Error{http.StatusBadRequest, "RequestFiledsNumberLimitExceededError", "The request contains too many HTTP POST fields."}
	ErrTooManyFiles      = &Error{http.StatusBadRequest, "RequestFileNumberLimitExceededError", "The request contains too many files."}
	ErrNullCharacters    = &Error{http.StatusBadRequest, "NullCharactersForbiddenError", "Null characters are not allowed."}
	ErrFilesRequired     = &Error{http.StatusBadRequest, "FilesRequiredError", "Request does not contain files."}
	ErrFileIDRequired    = &Error{http.StatusBadRequest, "FileIdRequiredError", "file_id is required."}
	ErrFileIDInvalid     = &Error{http.StatusBadRequest, "FileIdInvalidError", "file_id is invalid."}
	ErrFileNotFound      = &Error{http.StatusNotFound, "FileNotFoundError", "File is not found."}
	ErrThrottled         = &Error{http.StatusTooManyRequests, "RequestThrottledError", "Request was throttled."}
	ErrInternal          = &Error{http.StatusInternalServerError, "UploadAPIError", "Internal error."}
)

// Codes of the errors whose message names a field or path.
const (
	codePublicKeyRequired = "ProjectPublicKeyRequiredError"
	codePublicKeyInvalid  = "ProjectPublicKeyInvalidError"
	codeMethodNotAllowed  = "MethodNotAllowedError"
)

// PublicKeyRequired says that the request names no project; field is the name
// under which the endpoint expects the key.
func PublicKeyRequired(field string) *Error {
	return &Error{http.StatusForbidden, codePublicKeyRequired, field + " is required."}
}

// PublicKeyInvalid says that the request names a project that does not exist.
func PublicKeyInvalid(field string) *Error {
	return &Error{http.StatusForbidden, codePublicKeyInvalid, field + " is invalid."}
}

// MethodNotAllowed says that the endpoint does not know the method.
func MethodNotAllowed(method, path string) *Error {
	return &Error{http.StatusMethodNotAllowed, codeMethodNotAllowed, "HTTP method " + method + " is not allowed for " + path}
}

// WantsJSON reports whether the query asks for the JSON dialect: `jsonerrors`
// is there, not empty and not 0.
func WantsJSON(query url.Values) bool {
	value := query.Get(ParamJSONErrors)
	return value != "" && value != "0"
}

// Write writes e as a response in the client's dialect. Without `jsonerrors` that is
// the real status and a bare text. With it, it is status 200 and a JSON envelope:
// browser clients evaluate no body but that of a 200.
func (e *Error) Write(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Del("Content-Length") // one that a handler has set for its own body
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	if !WantsJSON(r.URL.Query()) {
		header.Set("Content-Type", "text/plain; charset=utf-8")
		header.Set("Content-Length", strconv.Itoa(len(e.Message)))
		w.WriteHeader(e.Status)
		_, _ = w.Write([]byte(e.Message))
		return
	}
	body, _ := json.Marshal(envelope{envelopeError{e.Status, e.Message, e.Code}}) // strings and an int always encode
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body)
}

// envelope is the body of an error in the JSON dialect.
type envelope struct {
	Error envelopeError `json:"error"`
}

type envelopeError struct {
	StatusCode int    `json:"status_code"`
	Content    string `json:"content"`
	ErrorCode  string `json:"error_code"`
}

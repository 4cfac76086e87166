// SPDX-License-Identifier: Apache-2.0

package uploadapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
)

// Rejection is why the service does not take a credential.
type Rejection int

// The zero value is for a response that says no such thing.
const (
	_ Rejection = iota
	// Expired means that the credential was good, until a moment ago.
	Expired
	// Invalid means that the credential was not made for this project.
	Invalid
	// Exhausted means that an access token allows no further operation.
	Exhausted
)

// String returns a word for logs and metrics.
func (r Rejection) String() string {
	switch r {
	case Expired:
		return "expired"
	case Invalid:
		return "invalid"
	case Exhausted:
		return "exhausted"
	default:
		return "none"
	}
}

// MaxRejectionSize bounds the body of a response that is a rejection, in bytes.
// The longest that is known has less than 200.
const MaxRejectionSize = 4 << 10

// CanBeRejection reports whether a response may turn out to be a rejection, as
// far as its status, its Content-Type and the beginning of its body tell. What
// the client asked for is not looked at: it can be spelled in many ways.
func CanBeRejection(status int, contentType string, beginning []byte) bool {
	if len(beginning) > MaxRejectionSize {
		return false
	}
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		return isPlain(contentType) || isJSON(contentType)
	case http.StatusOK:
		return isJSON(contentType) && canBeEnvelope(beginning)
	default:
		return false
	}
}

// RejectionOf returns which rejection a response is, if it is one. body is all of
// its body. In plain text, that is nothing but the message; in JSON, it is an
// envelope, which begins with its error. What files and their metadata are
// called is never taken for either.
func RejectionOf(status int, contentType string, body []byte) Rejection {
	if isPlain(contentType) {
		return rejectionBy(status, "", strings.TrimSpace(string(body)))
	}
	var response envelope
	if !isJSON(contentType) || !canBeEnvelope(body) || json.Unmarshal(body, &response) != nil {
		return 0
	}
	if status == http.StatusOK {
		status = response.Error.StatusCode
	}
	return rejectionBy(status, response.Error.ErrorCode, strings.TrimSpace(response.Error.Content))
}

// IsSuccess reports whether a response, if it cannot be a rejection, says that
// the service has done what it was asked for. What is not JSON may hold an error
// all the same, in a script for example.
func IsSuccess(status int, contentType string) bool {
	return status >= http.StatusOK && status < http.StatusMultipleChoices && isJSON(contentType)
}

// Names of errors that say all by themselves.
var rejections = map[string]Rejection{
	ErrSignatureExpired.Code:   Expired,
	ErrSignatureInvalid.Code:   Invalid,
	ErrExpireInvalid.Code:      Invalid,
	ErrAccessTokenExpired.Code: Expired,
	ErrOperationsLimit.Code:    Exhausted,
}

// rejectionBy goes by the error's name, and without it, or with one that is not
// known, by status and message: plain text has no names, and those of the
// errors of access tokens have changed before.
func rejectionBy(status int, code, message string) Rejection {
	if rejection, known := rejections[code]; known {
		return rejection
	}
	switch status {
	case ErrExpireInvalid.Status:
		if message == ErrExpireInvalid.Message {
			return Invalid
		}
	case http.StatusForbidden:
		switch message {
		case ErrSignatureExpired.Message:
			return Expired
		case ErrSignatureInvalid.Message:
			return Invalid
		case ErrOperationsLimit.Message:
			return Exhausted
		}
	case http.StatusUnauthorized:
		switch {
		case strings.HasPrefix(message, "Expired token"):
			return Expired
		case strings.HasPrefix(message, "Invalid token"):
			return Invalid
		}
	}
	return 0
}

func isPlain(contentType string) bool { return isMediaType(contentType, "text/plain") }

func isJSON(contentType string) bool { return isMediaType(contentType, "application/json") }

func isMediaType(contentType, mediaType string) bool {
	contentType, _, _ = strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(contentType), mediaType)
}

// canBeEnvelope reports whether a body that begins like this may be the
// envelope of an error, whose first member is the object `error`. For a file
// that was sent as `error`, that is a text.
func canBeEnvelope(beginning []byte) bool {
	for _, expected := range []string{"{", `"error"`, ":", "{"} {
		beginning = bytes.TrimLeft(beginning, " \t\r\n")
		length := min(len(beginning), len(expected))
		if string(beginning[:length]) != expected[:length] {
			return false
		}
		beginning = beginning[length:]
	}
	return true
}

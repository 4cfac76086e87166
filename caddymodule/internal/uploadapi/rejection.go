// SPDX-License-Identifier: Apache-2.0

package uploadapi

import (
	"encoding/json"
	"net/http"
	"strings"
)

// Rejection is why the service did not accept a credential. The zero value means that
// a response is not about credentials.
type Rejection int

const (
	_ Rejection = iota
	// Expired means that the credential was valid and has expired, or that a clock is
	// wrong.
	Expired
	// Invalid means that the credential was not made with a secret of this project.
	Invalid
	// Exhausted means that an access token allows no further operation.
	Exhausted
)

// String returns the word for logs and metric labels.
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

// MaxRejectionSize is the size of the largest body, in bytes, that is examined for a
// rejection. The longest known one has less than 200.
const MaxRejectionSize = 4 << 10

// CanBeRejection reports whether a response may turn out to be a rejection, as far as
// its status, its Content-Type and the beginning of its body show, so that other
// responses need not be buffered. It does not depend on the dialect that the client
// asked for, which can be spelled in many ways.
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

// RejectionOf returns the rejection that a response is, or 0. body is its whole body:
// in plain text the message and nothing else, in JSON an envelope, whose first member
// is the error. So no name of a file and no metadata in a response can be mistaken
// for a rejection, which would make the gateway drop a good token.
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

// IsSuccess reports whether a response that cannot be a rejection says that the
// service accepted the request. Only JSON counts: another body may wrap an error, as
// the script of a JSONP response does.
func IsSuccess(status int, contentType string) bool {
	return status >= http.StatusOK && status < http.StatusMultipleChoices && isJSON(contentType)
}

// rejections are the error codes that mean a rejection whatever the status.
var rejections = map[string]Rejection{
	ErrSignatureExpired.Code:   Expired,
	ErrSignatureInvalid.Code:   Invalid,
	ErrExpireInvalid.Code:      Invalid,
	ErrAccessTokenExpired.Code: Expired,
	ErrOperationsLimit.Code:    Exhausted,
}

// rejectionBy classifies an error by its code, and without a known code by status and
// message: plain text has no code, and the codes of access tokens' errors have
// changed before.
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

// isPlain reports whether a response is in the dialect without JSON.
func isPlain(contentType string) bool { return isMediaType(contentType, "text/plain") }

func isJSON(contentType string) bool { return isMediaType(contentType, "application/json") }

// isMediaType compares the media type without its parameters.
func isMediaType(contentType, mediaType string) bool {
	if contentType == mediaType { // as the service writes it
		return true
	}
	contentType, _, _ = strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(contentType), mediaType)
}

// canBeEnvelope reports whether a body with this beginning may be the envelope of an
// error, whose first member is the object `error`. A success can have a member of
// that name, too, for a file whose field was called `error`, but that is a string.
func canBeEnvelope(beginning []byte) bool {
	for _, expected := range [...]string{"{", `"error"`, ":", "{"} {
		for len(beginning) > 0 && isSpace(beginning[0]) {
			beginning = beginning[1:]
		}
		length := min(len(beginning), len(expected))
		if string(beginning[:length]) != expected[:length] {
			return false
		}
		beginning = beginning[length:]
	}
	return true
}

// isSpace reports whether a byte is white space of JSON (RFC 8259, section 2).
func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

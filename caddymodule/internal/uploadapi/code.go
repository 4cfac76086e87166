// SPDX-License-Identifier: Apache-2.0

package uploadapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

const (
	// CodeOther stands for every error code that is not on the service's list. Codes
	// become labels of metrics, of which an upstream must not make any number.
	CodeOther = "other"

	// MaxErrorSize is the size of the largest body, in bytes, that is read as an error.
	// The longest message quotes a metadata key of 64 characters.
	MaxErrorSize = MaxRejectionSize
)

// Codes returns the error codes by which the service refuses a request to a signed
// endpoint, in alphabetical order, and [CodeOther].
func Codes() []string {
	all := make([]string, 0, len(codes)+1)
	for _, known := range codes {
		all = append(all, known.code)
	}
	slices.Sort(all)
	return append(slices.Compact(all), CodeOther)
}

// CodesAt returns those of them by which an endpoint refuses a request.
func CodesAt(endpoint *SignedEndpoint) []string {
	return slices.DeleteFunc(Codes(), func(code string) bool {
		for _, only := range codesOnlyAt {
			if strings.HasPrefix(code, only.prefix) {
				return only.path != endpoint.Path
			}
		}
		return false
	})
}

// codesOnlyAt are the beginnings of codes that belong to one endpoint.
var codesOnlyAt = []struct{ prefix, path string }{
	{"Multipart", MultipartStart},
	{"Group", Group},
	{"URL", FromURL},
	{"SourceURL", FromURL},
	{"Hostname", FromURL},
	{"UploadcareFileId", Iframe},
	{"FileRequired", Iframe},
	{"FilesNumber", Iframe},
}

// CanBeError reports whether a response may say that the service refuses the request, as
// far as its status, its Content-Type and the beginning of its body show. A success and
// an error have the same status with `jsonerrors`, and as JSONP.
func CanBeError(status int, contentType string, beginning []byte) bool {
	switch {
	case status >= http.StatusBadRequest:
		return true
	case status != http.StatusOK:
		return false
	case isJSON(contentType):
		return canBeEnvelope(beginning)
	case isScript(contentType):
		_, argument, called := bytes.Cut(beginning, []byte("("))
		return !called || canBeEnvelope(argument)
	}
	return false
}

// CodeOf returns the code of the error that a response is, or [CodeOther] if it is not on
// the service's list. It is empty if the response is none. body is the response's, or its
// beginning.
func CodeOf(status int, contentType string, body []byte) string {
	isObject := isJSON(contentType)
	if isObject && status < http.StatusBadRequest && !canBeEnvelope(body) { // as nearly always
		return ""
	}
	if !isObject && isScript(contentType) { // callback({...})
		_, argument, _ := bytes.Cut(body, []byte("("))
		body, contentType = nil, "application/json"
		if canBeEnvelope(argument) {
			body = argument[:max(0, bytes.LastIndexByte(argument, ')'))]
		}
	}
	if isJSON(contentType) && len(body) > 0 && canBeEnvelope(body) {
		var response envelope
		if err := json.Unmarshal(body, &response); err == nil {
			return knownCode(response.Error.ErrorCode, response.Error.StatusCode, response.Error.Content)
		}
		return CodeOther // it is longer than what was read of it, or broken
	}
	if status < http.StatusBadRequest {
		return ""
	}
	if !isPlain(contentType) {
		return CodeOther // that of a proxy in front of the service
	}
	return knownCode("", status, string(body))
}

// knownCode returns a code if it is on the list. Without one, as in plain text, it returns
// the code that belongs to a message and a status; some messages belong to two.
func knownCode(code string, status int, message string) string {
	message = strings.TrimSpace(message)
	found, length := CodeOther, -1
	for _, known := range codes {
		switch {
		case code != "":
			if known.code == code {
				return code
			}
		case known.status == status && len(known.message) > length && matches(message, known.message):
			found, length = known.code, len(known.message)
		}
	}
	return found
}

// matches reports whether a message is that of a pattern, in which %s is any text.
func matches(message, pattern string) bool {
	fixed, pattern, more := strings.Cut(pattern, "%s")
	if message, found := strings.CutPrefix(message, fixed); found {
		return !more && message == "" || more && matchesRest(message, pattern)
	}
	return false
}

// matchesRest reports whether a message goes on, after any text, as a pattern does.
func matchesRest(message, pattern string) bool {
	fixed, behind, more := strings.Cut(pattern, "%s")
	if !more {
		return strings.HasSuffix(message, fixed)
	}
	_, message, found := strings.Cut(message, fixed)
	return found && matchesRest(message, behind)
}

// isScript reports whether a response is a script, as JSONP is.
func isScript(contentType string) bool {
	return isMediaType(contentType, "application/javascript") || isMediaType(contentType, "text/javascript") || isMediaType(contentType, "application/x-javascript")
}
